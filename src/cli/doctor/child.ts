/** @file Tries one provider and exits: 0 when it works, else with the reason as the last line of stderr. Started by `tryProvider`. */
import * as ort from "onnxruntime-node";
import { buildModel } from "../../graph/build.ts";
import * as op from "../../graph/ops.ts";
import { encodeModel } from "../../onnx/model.ts";
import { type ProviderName, providers } from "../../runtime/providers.ts";
import { trainConfig } from "../../sae/config.ts";
import { train } from "../../train/train.ts";
import { tensor } from "../../util/tensor.ts";

/** Trains a tiny SAE for one step; where this tool has no way to train yet, runs one product. */
async function tryOut(provider: string): Promise<string> {
  const data = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
  if (Object.hasOwn(providers, provider)) {
    const config = trainConfig({ inputDim: 8, latentDim: 16, options: { k: 2 }, batchSize: 4, epochs: 1 });
    const { loss } = await train(
      await providers[provider as ProviderName].load(),
      config,
      tensor("float32", [4, 8], data),
    );
    return `one training step, loss ${loss[0]!.toPrecision(6)}`;
  }
  const x = op.input("float32", [4, 4]);
  const session = await ort.InferenceSession.create(
    encodeModel(buildModel({ inputs: { x }, outputs: { y: op.matMul(x, x) } })),
    {
      executionProviders: [provider],
      logSeverityLevel: 3,
      // A node placed elsewhere is an error, not a slow success.
      extra: { session: { disable_cpu_ep_fallback: "1" } },
    },
  );
  await session.run({ x: new ort.Tensor("float32", data.slice(0, 16), [4, 4]) });
  return "one matrix product; training on it is not in this version";
}

try {
  process.stdout.write(await tryOut(process.argv[2] ?? ""));
} catch (error) {
  process.stderr.write(`\n${(error as Error).message}\n`);
  process.exitCode = 1;
}
