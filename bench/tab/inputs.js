// The inputs, in a page.

/** Numbers of a tensor that inputs.mjs wrote. */
export const floats = async (folder, name) =>
  new Float32Array(await (await fetch(`${folder}${name}.bin`)).arrayBuffer());

/** The configuration and sizes. */
export const aboutInputs = async (folder) => (await fetch(`${folder}about.json`)).json();

/** The same, with the weights by name and the rows in the order of the first epoch. */
export async function inputs(folder) {
  const weights = {};
  for (const name of ["W_enc", "b_enc", "W_dec"]) weights[name] = await floats(folder, name);
  return { ...(await aboutInputs(folder)), weights, ordered: await floats(folder, "ordered") };
}

/**
 * Trains some epochs with `step(i)`, which gives how its loss is read; losses are read when an epoch is over, so that steps may queue.
 * Gives milliseconds a step after the first epoch, and the mean loss of the first.
 */
export async function timed({ epochs, steps }, step) {
  let start = 0;
  let loss = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (epoch === 1) start = performance.now();
    const reads = [];
    for (let i = 0; i < steps; i++) reads.push(await step(i));
    let sum = 0;
    for (const read of reads) sum += await read();
    if (epoch === 0) loss = sum / steps;
  }
  return { ms: (performance.now() - start) / steps / (epochs - 1), loss };
}
