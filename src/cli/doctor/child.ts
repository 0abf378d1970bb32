/**
 * @file Tries one provider and exits: 0 when it works, with what it did and the device's name as JSON on stdout, else with the
 * reason as the last line of stderr. Started by `tryProvider`.
 */

import { trainConfig } from "../../config/config.ts";
import { type ProviderName, providers } from "../../runtime/providers.node.ts";
import { train } from "../../train/train.ts";
import { tensor } from "../../util/tensor.ts";
import { cudaDevice } from "./adapters.ts";

/** Trains a tiny SAE for one step. @throws where the provider cannot be used, with the reason and what to do. */
async function tryOut(name: ProviderName): Promise<{ why: string; device: string | null }> {
  const { usable, load, defaultStep: step } = providers[name];
  const found = await usable();
  if (!found.usable) throw new Error(`${found.reason}; ${found.fix}`);
  const data = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
  const config = trainConfig({
    inputDim: 8,
    latentDim: 16,
    options: { k: 2 },
    batchSize: 4,
    epochs: 1,
    ...(step ? { step } : {}),
  });
  const { loss } = await train(await load(), config, tensor("float32", [4, 8], data));
  const device = name === "cuda" ? cudaDevice() : found.device;
  return { why: `one training step, loss ${loss[0]!.toPrecision(6)}`, device: device ?? null };
}

try {
  process.stdout.write(JSON.stringify(await tryOut(process.argv[2] as ProviderName)));
} catch (error) {
  process.stderr.write(`\n${(error as Error).message}\n`);
  process.exitCode = 1;
}
