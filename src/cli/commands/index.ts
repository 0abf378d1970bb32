import type { Command } from "../command.ts";

/** Every verb, in the order of the work; its file is read when it is asked for, so that help is quick. */
export const verbs: Readonly<Record<string, { readonly describe: string; readonly load: () => Promise<Command> }>> = {
  synth: {
    describe: "Write synthetic activations with known features, a stand-in for the experiment's",
    load: async () => (await import("./synth.ts")).synth,
  },
  "build-graph": {
    describe: "Write the ONNX training graph of each configuration, and a readable .txt of it",
    load: async () => (await import("./buildGraph.ts")).buildGraph,
  },
  train: {
    describe: "Train one SAE or a grid of them; write checkpoints, frozen encoders and metrics",
    load: async () => (await import("./train.ts")).train,
  },
  export: {
    describe: "Freeze checkpoints into .onnx files: encoder, autoencoder, decoder, evaluator",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  verify: {
    describe: "Replay frozen models on their parity vectors, on every usable provider",
    load: async () => (await import("./verify.ts")).verify,
  },
  eval: {
    describe: "Measure frozen autoencoders on activations; needs nothing but these files",
    load: async () => (await import("./eval.ts")).evalCommand,
  },
  report: {
    describe: "Draw the figures and the page of a metrics file",
    load: async () => (await import("./report.ts")).report,
  },
  inspect: {
    describe: "Print what is in a .onnx, .npy, .npz or .safetensors file",
    load: async () => (await import("./inspect.ts")).inspect,
  },
};
