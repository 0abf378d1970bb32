import { expect, test } from "vitest";
import { parity } from "../../src/pipeline/parity.ts";
import { cpu } from "../../src/runtime/node.ts";
import { wasm } from "../../src/runtime/web.ts";
import { trainConfig } from "../../src/sae/config.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const here = { usable: true } as const;
const config = trainConfig({ inputDim: 16, latentDim: 32, options: { k: 4 }, batchSize: 24 });

test("every combination that exists has a row: measured, or why not", async () => {
  const providers = {
    cpu: { usable: async () => here, load: async () => cpu },
    wasm: { usable: async () => here, load: async () => wasm },
    webgpu: { usable: async () => here, load: () => Promise.reject(new Error("no adapter")) },
    cuda: { usable: async () => ({ usable: false, reason: "no library", fix: "" }) as const, load: async () => cpu },
  };
  const rows = await parity(providers, { config, activations: dictionaryRows(100, 16) });
  const name = ({ provider, step, wrapper }: (typeof rows)[number]) => `${provider} ${step} ${wrapper}`;
  const four = ["dense loop", "dense scan", "dense step", "live loop"];
  expect(rows.map(name)).toEqual([
    ...four.map((one) => `cpu ${one}`),
    ...four.map((one) => `wasm ${one}`),
    "webgpu dense step",
    ...four.slice(0, 3).map((one) => `cuda ${one}`),
  ]);
  expect(rows[0]!.distance).toEqual({ loss: 0, largestWeight: 0, weights: 0 });
  for (const { distance, provider } of rows.slice(0, 8)) {
    expect(distance!.loss, provider).toBeLessThan(1e-5);
    expect(distance!.largestWeight, provider).toBeLessThan(1e-5);
  }
  expect(rows[8]).toMatchObject({ distance: null, note: "failed: no adapter" });
  expect(rows[9]).toMatchObject({ distance: null, note: "not measured here: no library" });
});
