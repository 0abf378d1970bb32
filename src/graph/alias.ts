import { type Backward, type Float, makeNode, type Value } from "./value.ts";

type Floats = readonly Value<Float>[];

/** Other names for `values`, depending on `inputs` by a gradient of our own instead of the graph's. */
function alias<T extends Floats>(values: T, inputs: Floats, backward: Backward): T {
  const node = { kind: "alias", backward } as const;
  const types = values.map(({ dtype, shape }) => [dtype, shape] as const);
  return makeNode(node, [...values, ...inputs], types) as unknown as T;
}

/** The same value, through which no gradient flows. */
export const stopGradient = <D extends Float>(x: Value<D>): Value<D> => alias([x], [], () => [])[0] as Value<D>;

/**
 * What `forward` gives, with `backward` as its gradient: for a composite whose gradient is better written by hand than
 * taken apart op by op. `backward` gets one cotangent per output (`null` where none arrives) and gives one per input.
 * `forward` sees the inputs without gradient, so nothing flows but what `backward` says.
 */
export function customGradient<const I extends Floats, O extends Floats>(
  inputs: I,
  forward: (...inputs: { [K in keyof I]: I[K] }) => O,
  backward: (dys: { [K in keyof O]: O[K] | null }, outputs: O) => { [K in keyof I]: Value<Float> | null },
): O {
  const outputs = forward(...(inputs.map((x) => stopGradient(x)) as { [K in keyof I]: I[K] }));
  const dys = (given: readonly (Value<Float> | null)[]) => given as { [K in keyof O]: O[K] | null };
  // `backward` sees the outputs as everybody does, so that its own gradient is right too.
  const own: O = alias(outputs, inputs, (given) => backward(dys(given), own));
  return own;
}
