import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** A file's numbers; a copy, as Node's buffers share their memory. */
const numbers = (file) => new Float32Array(new Uint8Array(readFileSync(file)).buffer);

/**
 * Answers jobs, one JSON object a line on stdin, one on stdout: a model is run on rows, some at a time, and what it gives is written
 * to files. `load` makes of a model's path a function from inputs `{name: {dims, data}}` to outputs `{name: {dtype, dims, data}}`.
 * The first line says what runs, or why nothing can.
 */
export async function serve(start) {
  const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
  let load;
  try {
    const runtime = await start();
    load = runtime.load;
    say({ name: runtime.name });
  } catch (error) {
    return say({ missing: error.message });
  }
  for await (const line of createInterface({ input: process.stdin }))
    say(await answer(load, JSON.parse(line)).catch((error) => ({ refused: String(error?.message ?? error) })));
}

async function answer(load, { model, inputs, rows, batch, outputs: wanted, folder }) {
  const { run, release } = await load(model);
  const read = Object.entries(inputs).map(([name, { file, ...one }]) => ({ name, data: numbers(file), ...one }));
  const parts = {};
  for (let from = 0; from < rows; from += batch) {
    const count = Math.min(batch, rows - from);
    const feeds = {};
    for (const { name, data, dims, perRow } of read)
      feeds[name] = perRow
        ? { dims: [count, dims[1]], data: data.slice(from * dims[1], (from + count) * dims[1]) }
        : { dims, data };
    const found = await run(feeds);
    for (const name of wanted) if (found[name]) parts[name] = [...(parts[name] ?? []), found[name]];
  }
  await release?.();
  const outputs = {};
  for (const [name, batches] of Object.entries(parts)) {
    const { dtype, dims } = batches[0];
    const bytes = batches.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    writeFileSync(`${folder}/${name}`, Buffer.concat(bytes));
    outputs[name] = { dtype, dims: [rows, ...dims.slice(1)] };
  }
  return { outputs };
}
