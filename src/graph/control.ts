import { ShapeError } from "../util/errors.ts";
import { type DType, tensor } from "../util/tensor.ts";
import { constant, emit, input } from "./ops.ts";
import { sameShape } from "./shapes.ts";
import { type Body, type Dim, type Frame, inFrame, requireVisible, showShape, type Value } from "./value.ts";

/** Values by name. */
export type Values = Readonly<Record<string, Value>>;

const named = (values: Values) => Object.entries(values).map(([name, value]) => ({ name, value }));

/** What a body gives back, after a check that the body may use it. */
function returned(what: string, values: Values) {
  for (const [name, value] of Object.entries(values)) requireVisible(`${what}: "${name}"`, [value]);
  return named(values);
}
const like = <S extends Values>(state: S): S =>
  Object.fromEntries(Object.entries(state).map(([name, { dtype, shape }]) => [name, input(dtype, shape)])) as S;
const zip = <S extends Values>(names: S, values: readonly Value[]): S =>
  Object.fromEntries(Object.keys(names).map((name, i) => [name, values[i]!])) as S;

/** Carried values keep their names, types and shapes from step to step. */
function inOrder<S extends Values>(what: string, before: S, after: S): S {
  for (const [name, value] of Object.entries(before)) {
    const next = after[name];
    if (!next) throw new ShapeError(`${what}: the body gives back no "${name}"; return every carried value`);
    if (next.dtype !== value.dtype)
      throw new ShapeError(`${what}: "${name}" goes in as ${value.dtype} and comes back as ${next.dtype}`);
    const shape = sameShape(`${what}: "${name}" goes in and comes back`, value.shape, next.shape);
    const grows = (dim: Dim, i: number) => dim === shape[i] && dim !== next.shape[i];
    if (value.shape.some(grows))
      throw new ShapeError(
        `${what}: "${name}" goes in as ${showShape(value.shape)} and comes back as ${showShape(next.shape)}, which may be larger; reshape it, or let it go in as "?"`,
      );
  }
  const extra = Object.keys(after).find((name) => !(name in before));
  if (extra) throw new ShapeError(`${what}: the body gives back "${extra}", which is not carried; make it an output?`);
  return zip(
    before,
    Object.keys(before).map((name) => after[name]!),
  );
}

/**
 * Runs a body `trips` times. `state` is carried from one step to the next; `outputs` are stacked along a new first axis.
 * The body may use any value made outside it. A carried value may grow along a dim that goes in as `"?"`. Where the body gives back
 * `goOn`, steps end once that is false. Source: ONNX, Loop.
 * @throws {ShapeError} when a carried value changes its type or shape, or the body gives back one of a body that has ended.
 */
export function loop<S extends Values, O extends Values>(how: {
  readonly trips: Value<"int64">;
  readonly state: S;
  readonly body: (
    step: Value<"int64">,
    state: S,
  ) => { readonly state: S; readonly outputs: O; readonly goOn?: Value<"bool"> };
}): { readonly state: S; readonly outputs: O } {
  const { result, body } = inFrame("a Loop's body", (frame) => {
    const step = input("int64", []);
    const condition = input("bool", []);
    const carried = like(how.state);
    const result = how.body(step, carried);
    const inputs = [...named({ step, condition }), ...named(carried)];
    // Without goOn the condition goes out as it came in: always true, and never copied.
    const after = inOrder("Loop", how.state, result.state);
    const outputs = [
      ...returned("Loop", { condition: result.goOn ?? condition }),
      ...returned("Loop", after),
      ...returned("Loop", prefixed(result.outputs)),
    ];
    return { result, body: { frame, inputs, outputs } satisfies Body };
  });
  const state = Object.values(how.state);
  const always = constant(tensor("bool", [], Uint8Array.of(1)));
  const values = emit("Loop", [how.trips, always, ...state], {}, dtypesOf(body.outputs.slice(1)), { body });
  return { state: zip(how.state, values), outputs: zip(result.outputs, values.slice(state.length)) };
}

/**
 * Runs a body once for each entry of `over` along the first axis. `state` is carried, `outputs` are stacked. Source: ONNX, Scan.
 * @throws {ShapeError} when a carried value changes its type or shape, or nothing is scanned.
 */
export function scan<S extends Values, X extends Values, O extends Values>(how: {
  readonly state: S;
  readonly over: X;
  readonly body: (state: S, entry: X) => { readonly state: S; readonly outputs: O };
}): { readonly state: S; readonly outputs: O } {
  const over = Object.values(how.over);
  if (over.length === 0 || over.some(({ shape }) => shape.length === 0))
    throw new ShapeError("Scan: it needs at least one value to run over, with a first axis");
  const { result, body } = inFrame("a Scan's body", (frame) => {
    const carried = like(how.state);
    const entry = Object.fromEntries(
      Object.entries(how.over).map(([name, { dtype, shape }]) => [name, input(dtype, shape.slice(1))]),
    ) as X;
    const result = how.body(carried, entry);
    const inputs = [...named(carried), ...named(prefixed(entry))];
    const after = inOrder("Scan", how.state, result.state);
    const outputs = [...returned("Scan", after), ...returned("Scan", prefixed(result.outputs))];
    return { result, body: { frame, inputs, outputs } satisfies Body };
  });
  const state = Object.values(how.state);
  const attributes = { num_scan_inputs: over.length };
  const values = emit("Scan", [...state, ...over], attributes, dtypesOf(body.outputs), { body });
  return { state: zip(how.state, values), outputs: zip(result.outputs, values.slice(state.length)) };
}

/**
 * The values of one branch or the other; only the branch chosen runs. Source: ONNX, If.
 * @throws {ShapeError} when the branches give other names, types or ranks.
 */
export function cond<O extends Values>(condition: Value<"bool">, then: () => O, otherwise: () => O): O {
  const branch = (what: string, build: () => O) =>
    inFrame(what, (frame: Frame) => {
      const outputs = build();
      return { outputs, body: { frame, inputs: [], outputs: returned("If", outputs) } satisfies Body };
    });
  const yes = branch("an If's first branch", then);
  const no = branch("an If's second branch", otherwise);
  for (const [name, { dtype, shape }] of Object.entries(yes.outputs)) {
    const other = no.outputs[name];
    if (other?.dtype !== dtype)
      throw new ShapeError(
        `If: "${name}" is ${dtype} ${showShape(shape)} in one branch and ${other?.dtype ?? "missing"} in the other`,
      );
  }
  const extra = Object.keys(no.outputs).find((name) => !(name in yes.outputs));
  if (extra) throw new ShapeError(`If: "${extra}" is missing in the first branch; give it in both`);
  const elseOutputs = Object.keys(yes.outputs).map((name) => ({ name, value: no.outputs[name]! }));
  const bodies = { then_branch: yes.body, else_branch: { ...no.body, outputs: elseOutputs } };
  return zip(yes.outputs, emit("If", [condition], {}, dtypesOf(yes.body.outputs), bodies));
}

/** In the body, outputs of a step get names of their own: outside, one may share its name with a carried value. */
const prefixed = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`each_${name}`, value]));

const dtypesOf = (outputs: Body["outputs"]): DType[] => outputs.map(({ value }) => value.dtype);
