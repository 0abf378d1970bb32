import { type Backward, type Float, makeNode, type Value } from "./value.ts";

type Floats = readonly Value<Float>[];

/** `values` under other names. Their gradient with respect to `inputs` is `backward`, not that of the graph. */
function alias<T extends Floats>(values: T, inputs: Floats, backward: Backward): T {
  const node = { kind: "alias", backward } as const;
  const types = values.map(({ dtype, shape }) => [dtype, shape] as const);
  return makeNode(node, [...values, ...inputs], types) as unknown as T;
}

/** The same value, through which no gradient flows. */
export const stopGradient = <D extends Float>(x: Value<D>): Value<D> => alias([x], [], () => [])[0] as Value<D>;

/**
 * What `forward` gives, with `backward` as its gradient: for a composite whose gradient is better written by hand than derived
 * op by op. `backward` gets one cotangent per output (`null` where none arrives) and gives one per input. `forward` sees the
 * inputs without gradient, so only what `backward` gives flows back.
 */
export function customGradient<const I extends Floats, O extends Floats>(
  inputs: I,
  forward: (...inputs: { [K in keyof I]: I[K] }) => O,
  backward: (dys: { [K in keyof O]: O[K] | null }, outputs: O) => { [K in keyof I]: Value<Float> | null },
): O {
  const outputs = forward(...(inputs.map((x) => stopGradient(x)) as { [K in keyof I]: I[K] }));
  const dys = (given: readonly (Value<Float> | null)[]) => given as { [K in keyof O]: O[K] | null };
  // `backward` sees the outputs with their gradient, so that second derivatives are right too.
  const own: O = alias(outputs, inputs, (given) => backward(dys(given), own));
  return own;
}
