import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { parity } from "../../src/pipeline/parity.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import { wasm } from "../../src/runtime/web.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const here = { usable: true } as const;
const config = trainConfig({ inputDim: 16, latentDim: 32, options: { k: 4 }, batchSize: 24 });

test("every combination has a row: measured, or why not", async () => {
  const providers = {
    cpu: { usable: async () => here, load: async () => cpu },
    wasm: { usable: async () => here, load: async () => wasm },
    webgpu: { usable: async () => here, load: () => Promise.reject(new Error("no adapter")) },
    cuda: { usable: async () => ({ usable: false, reason: "no library", fix: "" }) as const, load: async () => cpu },
  };
  const rows = await parity(providers, { config, activations: dictionaryRows(100, 16) });
  const forms = ["dense", "live"].flatMap((step) => ["loop", "scan", "single"].map((wrapper) => [step, wrapper]));
  const all = Object.keys(providers).flatMap((provider) => forms.map((form) => [provider, ...form]));
  expect(rows.map(({ provider, step, wrapper }) => [provider, step, wrapper])).toEqual(all);
  const find = (name: string) => rows.find((row) => `${row.provider} ${row.step} ${row.wrapper}` === name)!;

  expect(find("cpu dense loop").distance).toEqual({ loss: 0, largestWeight: 0, weights: 0 });
  const measured = rows.filter(({ distance }) => distance !== null);
  expect(measured.length).toBe(8);
  for (const { distance, provider } of measured) {
    expect(distance!.loss, provider).toBeLessThan(1e-5);
    expect(distance!.largestWeight, provider).toBeLessThan(1e-5);
  }

  const notes = {
    "cpu live scan": "none: rows that grow need loop",
    "webgpu dense single": "failed: no adapter",
    "webgpu dense loop": "none: webgpu has no kernel of loop",
    "webgpu live single": "none: webgpu runs step dense only",
    "cuda dense scan": "not measured here: no library",
    "cuda live loop": "none: cuda runs step dense only",
  };
  for (const [name, note] of Object.entries(notes)) expect(find(name), name).toMatchObject({ distance: null, note });
});

test("an architecture that step live is not for, and whose state changes with the share of steps done", async () => {
  const providers = Object.fromEntries(
    ["cpu", "wasm", "webgpu", "cuda"].map((name) => [
      name,
      { usable: async () => ({ usable: name === "cpu", reason: "left out", fix: "" }) as never, load: async () => cpu },
    ]),
  ) as unknown as Parameters<typeof parity>[0];
  const timed = trainConfig({
    ...{ architecture: "p-anneal", inputDim: 16, latentDim: 32, options: { lambda: 0.1 }, batchSize: 24 },
  });
  const rows = await parity(providers, { config: timed, activations: dictionaryRows(100, 16), count: 10 });
  const [dense, live] = ["dense", "live"].map((step) =>
    rows.find((row) => row.provider === "cpu" && row.step === step),
  );
  expect(dense).toMatchObject({ distance: { loss: 0 }, note: "" });
  expect(live!.note).toBe(
    "none: step live needs a loss that only the kept latents have a part in, p-anneal with these options has another",
  );
});
