import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { rememberContact, rememberedContact, tf32Here } from "../../src/train/process/contactMemory.node.ts";
import { type FirstContact, firstContact } from "../../src/train/process/firstContact.ts";
import { initialState } from "../../src/train/state.ts";
import { tensor } from "../../src/util/tensor.ts";
import { temporaryFolder } from "../cli/run.ts";
import { cases } from "../sae/cases.ts";
import { dictionaryRows } from "../sae/dictionary.ts";

const x = dictionaryRows(100, 16);
const config = cases[0]!.config({ step: "dense" });

/** The CPU posing as CUDA. */
const faithful: Runtime = { ...cpu, provider: "cuda" };
/** One whose runs change every output by this factor. */
const wrong = (factor: number): Runtime => ({
  provider: "cuda",
  async open(model, options) {
    const session = await cpu.open(model, options);
    return {
      ...session,
      async run(feeds) {
        const outputs = await session.run(feeds);
        const spoilt = Object.entries(outputs).map(([name, { dims, data }]) => [
          name,
          tensor(
            "float32",
            dims,
            (data as Float32Array).map((v) => v * factor),
          ),
        ]);
        return Object.fromEntries(spoilt);
      },
    };
  },
});

describe("the first training on a GPU", () => {
  test("a faithful one passes, with its numbers", async () => {
    const found = await firstContact(faithful, cpu, config, x, "off");
    expect(found).toMatchObject({ provider: "cuda", steps: 20, tf32: "off", bounds: { loss: 1e-4, weights: 1e-2 } });
    expect(found.loss).toBeLessThan(1e-6);
    expect(found.weights).toBeLessThan(1e-6);
  });

  test("a wrong one is stopped, with the numbers", async () => {
    await expect(firstContact(wrong(1.5), cpu, config, x, "on")).rejects.toThrow(
      /cuda does not train as the CPU does: after 20 steps .* 5\.0e-1 apart \(bound 0\.01\).*try --no-tf32/,
    );
    await expect(firstContact(wrong(Number.NaN), cpu, config, x, "on")).rejects.toThrow(/NaN apart/);
  });

  test("TF32's bounds are wider", async () => {
    await expect(firstContact(wrong(1.005), cpu, config, x, "off")).rejects.toThrow(/bound 0\.0001/);
    expect((await firstContact(wrong(1.005), cpu, config, x, "on")).loss).toBeCloseTo(0.005, 5);
  });
});

describe("remembered by machine", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("and by TF32", async () => {
    vi.stubEnv("XDG_CACHE_HOME", temporaryFolder());
    vi.stubEnv("NVIDIA_TF32_OVERRIDE", "0");
    expect(tf32Here()).toBe("off");
    expect(rememberedContact("cuda")).toBeUndefined();
    const contact = await firstContact(faithful, cpu, config, x, tf32Here());
    await rememberContact(contact);
    expect(rememberedContact("cuda")).toEqual(contact);
    vi.stubEnv("NVIDIA_TF32_OVERRIDE", "");
    expect(tf32Here()).toBe("on");
    expect(rememberedContact("cuda")).toBeUndefined();
  });

  const contact = (provider: string) => ({ provider }) as FirstContact;

  test("two that are remembered at once are both remembered, and no lock is left", async () => {
    const cache = temporaryFolder();
    vi.stubEnv("XDG_CACHE_HOME", cache);
    await Promise.all(["cuda", "webgpu"].map((provider) => rememberContact(contact(provider))));
    expect(["cuda", "webgpu"].map(rememberedContact)).toEqual(["cuda", "webgpu"].map(contact));
    expect(readdirSync(join(cache, "sae-onnx"))).toEqual(["first-contact.json"]);
  });

  test("nowhere without a home, and never in the working folder", async () => {
    const before = readdirSync(".");
    for (const cache of ["", "relative"]) {
      vi.stubEnv("XDG_CACHE_HOME", cache);
      vi.stubEnv("HOME", "");
      await rememberContact(contact("cuda"));
      expect(rememberedContact("cuda")).toBeUndefined();
    }
    expect(readdirSync(".")).toEqual(before);
  });
});

test("checkpoints record TF32 on CUDA, and older ones without it are read", () => {
  const tensors = initialState(config, x);
  const plain = {
    ...{ config, tensors, epochsDone: 1, loss: [1], dataDigest: "", layer: null, position: null },
    metrics: {},
  };
  for (const tf32 of ["on", "off"] as const)
    expect(readCheckpoint(writeCheckpoint({ ...plain, tf32 }), "a.safetensors").tf32).toBe(tf32);
  expect(readCheckpoint(writeCheckpoint(plain), "a.safetensors").tf32).toBeUndefined();
});
