import type { Command } from "../command.ts";

/** Every verb, in the order of the work; its file is read when it is asked for, so that help is quick. */
export const verbs: Readonly<Record<string, { readonly describe: string; readonly load: () => Promise<Command> }>> = {
  harvest: {
    describe: "Run texts through an ONNX language model and write its inner values as activations",
    load: async () => (await import("./harvest.ts")).harvest,
  },
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
  sweep: {
    describe: "Train many SAEs on many groups of rows, such as layers and positions; killed, it goes on",
    load: async () => (await import("./sweep.ts")).sweep,
  },
  export: {
    describe: "Freeze checkpoints into .onnx files: encoder, autoencoder, decoder, evaluator",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  verify: {
    describe: "Replay frozen models on their verification vectors, on every usable provider",
    load: async () => (await import("./verify.ts")).verify,
  },
  import: {
    describe: "Bring in an SAE trained elsewhere: SAELens, Gemma Scope, sparsify, the experiment's .pt",
    load: async () => (await import("./import.ts")).importCommand,
  },
  conformance: {
    describe:
      "Write a kit that checks any implementation of SAEs: inputs, expected outputs, a runner that needs numpy only",
    load: async () => (await import("./conformance.ts")).conformance,
  },
  attach: {
    describe: "Put a frozen encoder on an activation inside any .onnx model",
    load: async () => (await import("./attach.ts")).attach,
  },
  eval: {
    describe: "Measure frozen autoencoders on activations; needs nothing but these files",
    load: async () => (await import("./eval.ts")).evalCommand,
  },
  probe: {
    describe: "Train probes for a label on activations, latents and reconstructions: what an SAE keeps of it",
    load: async () => (await import("./probe.ts")).probeCommand,
  },
  features: {
    describe: "Say what each latent responds to: texts, tokens, labels, neighbours; a page to explore them",
    load: async () => (await import("./features.ts")).features,
  },
  effect: {
    describe: "Measure what a language model loses, or a text's vector, with an SAE in an activation's place; steer",
    load: async () => (await import("./effect.ts")).effect,
  },
  report: {
    describe: "Draw the figures and the page of a metrics file",
    load: async () => (await import("./report.ts")).report,
  },
  serve: {
    describe: "Serve a page that evaluates, explores and trains SAEs in a browser tab, on this machine only",
    load: async () => (await import("./serve.ts")).serve,
  },
  parity: {
    describe: "Train the same steps on every provider that can be used here, and print how far they are apart",
    load: async () => (await import("./parity.ts")).parity,
  },
  inspect: {
    describe: "Print what is in a .onnx, .npy, .npz or .safetensors file",
    load: async () => (await import("./inspect.ts")).inspect,
  },
  bundle: {
    describe: "Pack everything into an archive that runs on a Linux machine without network, Node and npm",
    load: async () => (await import("./bundle.ts")).bundle,
  },
  doctor: {
    describe: "Say what this machine can run, and why not the rest; get the CUDA provider",
    load: async () => (await import("./doctor.ts")).doctor,
  },
};
