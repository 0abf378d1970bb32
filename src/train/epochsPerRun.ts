/** Bytes a second between host and device that are taken for granted: PCIe 3.0 and ordinary memory. */
const bandwidth = 6e9;
/** Largest share of the time that the state's way to the device and back may take. */
const share = 0.02;
/** News comes at least so often, in seconds. */
const patience = 3;

/**
 * How many epochs the next run should have, from how long the last run took: as few as keep the state's way to the device and
 * back (once a run) below 2 % of the time, and no more than take 3 seconds. The result does not depend on it.
 */
export function epochsForNextRun(
  stateBytes: number,
  last: { readonly epochs: number; readonly seconds: number },
): number {
  const transfer = (2 * stateBytes) / bandwidth;
  const perEpoch = Math.max(last.seconds - transfer, 1e-4) / last.epochs;
  const wanted = Math.ceil((transfer * (1 - share)) / share / perEpoch);
  return Math.max(1, Math.min(wanted, Math.floor(patience / perEpoch)));
}
