import { expect, test } from "vitest";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import type { SourceFiles } from "../../src/formats/format.ts";
import { importSae } from "../../src/formats/index.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { peersIn, toldOf } from "./peers.ts";

const root = "test/fixtures/peers";

/** Settings that say nothing of what an SAE computes or comes from, and are not named: where it lay, how texts were cut, what follows from others. */
const mute: Readonly<Record<string, readonly string[]>> = {
  saelens: ["dtype", "device", "context_size", "prepend_bos", "sae_lens_training_version", "use_sparse_activations"],
  // The first follows from the sizes; the others are named where they are on.
  sparsify: ["expansion_factor", "normalize_decoder", "multi_topk"],
  "dictionary-learning": ["trainer_class"],
  // Of the JumpReLU that they are, k and l0 are only what came out.
  "llama-scope": ["expansion_factor", "top_k"],
  "gemma-scope-2": ["l0"],
};

const trained = (notes: readonly string[]) => notes.filter((one) => one.includes("only says how it was trained"));

/** The SAE as bytes, and what is said of it; `undefined` where it is refused. */
function read(source: SourceFiles) {
  const notes: string[] = [];
  try {
    return { bytes: Buffer.from(writeCheckpoint(importSae(source, (note) => notes.push(note)))), notes };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return undefined;
  }
}

/** Another value of the same type; `undefined` where a setting is no single value. */
const other = (value: unknown): unknown =>
  typeof value === "boolean"
    ? !value
    : typeof value === "number"
      ? value + 1
      : typeof value === "string"
        ? `${value}x`
        : value === null
          ? 1
          : undefined;

test("a changed setting changes the SAE, or is refused, or is named as one of training", async () => {
  const without: string[] = [];
  let tried = 0;
  for (const name of peersIn(root)) {
    const library = name.split("/")[0]!;
    const { path, normFactor } = toldOf(`${root}/${name}`);
    const source = { ...(await readSource(path)), normFactor };
    const before = read(source)!;
    expect(trained(before.notes).length, name).toBeLessThanOrEqual(1);
    for (const [file, bytes] of source.files) {
      if (!file.endsWith(".json")) continue;
      const all = JSON.parse(new TextDecoder().decode(bytes));
      const own = library === "dictionary-learning" ? all.trainer : all;
      for (const [key, value] of Object.entries(own)) {
        const to = other(value);
        if (to === undefined) continue;
        tried++;
        const changed = own === all ? { ...all, [key]: to } : { ...all, trainer: { ...own, [key]: to } };
        const files = new Map([...source.files, [file, new TextEncoder().encode(JSON.stringify(changed))]]);
        const after = read({ ...source, files });
        const isSame = after?.bytes.equals(before.bytes);
        if (after && isSame && !trained(after.notes)[0]?.includes(key) && !mute[library]?.includes(key))
          without.push(`${name}: ${key} ${value} or ${to}`);
      }
    }
  }
  expect(without).toEqual([]);
  expect(tried).toBeGreaterThan(1500);
});

test("a setting that nobody knows is refused by name", async () => {
  for (const name of peersIn(root)) {
    const library = name.split("/")[0]!;
    // Gemma Scope 1, OpenAI's and Qwen Scope's have no settings in JSON.
    if (!["saelens", "sparsify"].includes(library)) continue;
    const { path, normFactor } = toldOf(`${root}/${name}`);
    const source = { ...(await readSource(path)), normFactor };
    const cfg = JSON.parse(new TextDecoder().decode(source.files.get("cfg.json")));
    const text = new TextEncoder().encode(JSON.stringify({ ...cfg, new_flag: true }));
    const changed = { ...source, files: new Map([...source.files, ["cfg.json", text]]) };
    expect(() => importSae(changed), name).toThrow(/cfg\.json: .*new_flag/);
  }
});
