/**
 * Exports SAEs of every kind for every target, part and dtype, runs each model on every runtime there is here, and compares what it
 * gives with the SAE's own forward pass in float64. Prints a table in Markdown; exit code 1 when a number is out of bounds.
 *
 * Run: npm run -s runtimes        (builds, installs the runtimes of this folder, then this with 10,000 rows)
 *      node examples/other-runtimes/compare.mjs [--rows 10000] [--latent-dim 512] [--epochs 3] [--targets a,b] [--runtimes a,b] [--json]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compare } from "../../dist/evaluate/verify/compare.js";
import { targets } from "../../dist/export/targets/index.js";
import { plainForward, vectorsOf } from "../../dist/export/vectors/vectors.js";
import { weightTypes } from "../../dist/export/weights/index.js";
import { freeze, writeModel } from "../../dist/node.js";
import { checked, runtimes, start } from "./runtimes.mjs";
import { makeSaes, rowsFor } from "./saes.mjs";
import { markdown } from "./table.mjs";

const parts = ["encoder", "decoder", "autoencoder", "evaluator"];
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "10000" },
    "latent-dim": { type: "string", default: "512" },
    epochs: { type: "string", default: "3" },
    targets: { type: "string", default: Object.keys(targets).join() },
    runtimes: { type: "string", default: Object.keys(runtimes).join() },
    json: { type: "boolean", default: false },
  },
});
const note = (text) => process.stderr.write(`${text}\n`);
const batch = 1000;

/** Models of one checkpoint and dtype: every part for every target that can express it; the others' reasons. */
function models(checkpoint, dtype) {
  const made = [];
  const refused = [];
  for (const target of flags.targets.split(","))
    for (const part of parts)
      try {
        made.push({ target, part, dtype, model: freeze(checkpoint, part, { target, dtype }) });
      } catch (error) {
        if (error.name !== "ConfigError") throw error;
        refused.push({ target, part, dtype, reason: error.message });
      }
  return { made, refused };
}

/**
 * Target compat counts equal magnitudes once: a row in which two of the k largest are nearer than 1e-6 of the row's largest may have
 * such in float32, and is not for it.
 */
function withDistinctRows(forward) {
  const kept = [...forward.code.keys()].filter((row) => forward.code[row].distinct > 1e-6);
  const [count, width] = [kept.length, forward.activations.dims[1]];
  const data = new Float32Array(count * width);
  for (const [to, row] of kept.entries())
    data.set(forward.activations.data.subarray(row * width, (row + 1) * width), to * width);
  const activations = { dtype: "float32", dims: [count, width], data };
  return { ...forward, activations, code: kept.map((row) => forward.code[row]) };
}

/** What a part for a target should give: only target ort has `top_values`. */
function expectedOf(vectors, target) {
  const { top_values, ...outputs } = vectors.outputs;
  return target === "ort" ? vectors : { ...vectors, outputs };
}

function written(folder, { inputs }) {
  const files = {};
  for (const [name, { dims, data }] of Object.entries(inputs)) {
    const file = join(folder, `${name}.bin`);
    writeFileSync(file, data);
    files[name] = { file, dims, perRow: true };
  }
  return files;
}

/** One model on one runtime. */
async function ran({ key, name, run }, one, job, expected) {
  const found = { key, runtime: name, forIt: runtimes[key].targets.includes(one.target), ...one };
  const { outputs, refused } = await run(job);
  if (refused !== undefined) return { ...found, refused };
  try {
    const { selection, clearRows, rows, ok, values } = compare(expected, outputs);
    return { ...found, rows, clearRows, selection, ok, worst: Math.max(...Object.values(values)) };
  } catch (error) {
    return { ...found, ok: false, refused: error.message };
  }
}

const folder = mkdtempSync(join(tmpdir(), "sae-onnx-runtimes-"));
const wanted = flags.runtimes.split(",");
const running = await Promise.all(wanted.map((name) => start(name, folder)));
const missing = running.filter((one) => one.missing).map(({ key, missing }) => ({ key, reason: missing }));
const here = running.filter((one) => !one.missing);
const results = [];
const refusals = [];
try {
  const rows = await rowsFor(Number(flags.rows));
  const saes = await makeSaes({ latentDim: Number(flags["latent-dim"]), epochs: Number(flags.epochs) });
  for (const [sae, checkpoint] of Object.entries(saes))
    for (const dtype of Object.keys(weightTypes)) {
      note(`${sae}, ${dtype}`);
      const { made, refused } = models(checkpoint, dtype);
      refusals.push(...refused.map((one) => ({ sae, ...one })));
      const forward = plainForward(checkpoint, dtype, rows);
      const files = [];
      const sources = [
        [forward, ["ort", "portable"]],
        [withDistinctRows(forward), ["compat"]],
      ];
      for (const part of parts)
        for (const [from, its] of sources) {
          const own = made.filter((one) => one.part === part && its.includes(one.target));
          if (own.length === 0) continue;
          const vectors = vectorsOf(from, part, "ort");
          const inputs = written(folder, vectors);
          for (const { target, model } of own) {
            const file = join(folder, `${target}.${part}.onnx`);
            await writeModel(file, model);
            files.push({ target, part, file });
            const expected = expectedOf(vectors, target);
            const outputs = [...Object.keys(expected.outputs), "top_indices"];
            const job = { model: file, rows: vectors.rows, batch, inputs, outputs };
            const one = { sae, target, part, dtype };
            await Promise.all(here.map(async (runtime) => results.push(await ran(runtime, one, job, expected))));
          }
        }
      const checker = checked(files.map(({ file }) => file));
      if (checker.missing && missing.every(({ key }) => key !== "checker"))
        missing.push({ key: "checker", reason: checker.missing });
      for (const [i, said] of (checker.said ?? []).entries()) {
        const { target, part } = files[i];
        const ok = said.startsWith("ok");
        results.push({
          key: "checker",
          runtime: checker.name,
          sae,
          target,
          part,
          dtype,
          ok,
          ...(ok ? { checked: true } : { refused: said }),
        });
      }
    }
} finally {
  for (const one of running) one.close();
  rmSync(folder, { recursive: true });
}

// Runtimes answer in any order.
const names = running.map(({ name }) => name);
results.sort((a, b) => names.indexOf(a.runtime) - names.indexOf(b.runtime));
console.log(flags.json ? JSON.stringify({ results, missing, refusals }) : markdown({ results, missing, refusals }));
// A model for other runtimes may load and still differ: that is shown, and is no fault of the export.
const bad = results.filter(({ ok, forIt }) => ok === false && forIt !== false);
if (bad.length > 0) {
  note(`error: ${bad.length} of ${results.length} runs are out of bounds`);
  process.exitCode = 1;
}
