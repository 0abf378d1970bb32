import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";

interface Result {
  readonly key: string;
  readonly target: string;
  readonly part: string;
  readonly dtype: string;
  readonly ok?: boolean;
  readonly refused?: string;
  readonly rows?: number;
  readonly clearRows?: number;
  readonly selection?: number;
  readonly worst?: number;
}

let said: { results: Result[]; missing: { key: string; reason: string }[]; refusals: { reason: string }[] };

beforeAll(async () => {
  const small = ["--rows", "200", "--latent-dim", "128", "--epochs", "1", "--json"];
  const { stdout } = await promisify(execFile)("node", ["examples/other-runtimes/compare.mjs", ...small], {
    maxBuffer: 2 ** 26,
  });
  said = JSON.parse(stdout);
}, 300_000);

const targets = ["ort", "portable", "compat"];
const parts = ["encoder", "decoder", "autoencoder", "evaluator"];
const dtypes = ["float32", "float16", "int8"];
const everything = { targets, parts, dtypes };

/** What each runtime must run; what it cannot load is in the table of docs/runtimes.md. */
const runtimes: Record<string, typeof everything> = {
  "onnxruntime-node": everything,
  "onnxruntime-node-1.14": everything,
  "onnxruntime-web": everything,
  "python-onnxruntime": everything,
  "jax-js": { targets: ["portable", "compat"], parts, dtypes: ["float32"] },
  opencv: { targets: ["compat"], parts: ["encoder", "decoder", "autoencoder"], dtypes: ["float32"] },
  onnxjs: { targets: ["compat"], parts: ["encoder", "decoder", "autoencoder"], dtypes: ["float32"] },
  checker: everything,
};

/** SAEs a target can express, of seven; k 100 and JumpReLU are not for compat, but for their decoders. */
const saes = (target: string, part: string) => (target === "compat" ? (part === "decoder" ? 7 : 5) : 7);

describe("frozen models of every kind give the float64 forward pass", () => {
  test.for(Object.entries(runtimes))("on %s", ([name, { targets, parts, dtypes }], { skip }) => {
    const absent = said.missing.find(({ key }) => key === name);
    if (absent) skip(absent.reason);
    const own = said.results.filter(({ key }) => key === name);
    for (const target of targets)
      for (const part of parts)
        for (const dtype of dtypes) {
          const found = own.filter((one) => one.target === target && one.part === part && one.dtype === dtype);
          expect(found, `${target} ${part} ${dtype}`).toHaveLength(saes(target, part));
          for (const { ok, refused, worst = 0, selection = 0 } of found)
            expect({ ok, refused, selection, close: worst <= 1e-5 }).toEqual({ ok: true, selection: 0, close: true });
        }
  });

  test("on 200 rows, most of which leave no choice", () => {
    const ran = said.results.filter(({ rows }) => rows !== undefined);
    expect(ran.length).toBeGreaterThan(234);
    for (const { target, rows, clearRows } of ran) {
      // Target compat is not for rows of equal magnitudes.
      if (target === "compat") expect(rows).toBeGreaterThan(190);
      else expect(rows).toBe(200);
      expect(clearRows).toBeGreaterThan(150);
    }
  });

  test("what no target can express is refused with the reason", () => {
    expect(new Set(said.refusals.map(({ reason }) => reason))).toEqual(
      new Set([
        expect.stringMatching(/^target compat: k = \d+ takes/),
        expect.stringMatching(/^target compat: architecture pretrained-jumprelu needs Greater/),
      ]),
    );
  });
});
