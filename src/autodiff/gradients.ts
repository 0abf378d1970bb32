import * as op from "../graph/ops.ts";
import { sameShape } from "../graph/shapes.ts";
import { absoluteScope, type Float, type GraphNode, here, showShape, type Value } from "../graph/value.ts";
import { GradientError } from "../util/errors.ts";
import { type GradientRule, rules } from "./rules.ts";

type V = Value<Float>;

/**
 * The gradient of a scalar loss with respect to each parameter, as ordinary graph values of the parameters' shapes.
 * Reverse mode: cotangents are carried from the loss to the parameters, node by node.
 * @throws {GradientError} when no path leads from the loss to a parameter, or one leads through Loop, Scan or If.
 * @throws {ShapeError} when the loss is not a scalar, or a gradient of `customGradient` has not its input's shape.
 */
export function gradients<P extends Readonly<Record<string, V>>>(loss: V, parameters: P): { [K in keyof P]: P[K] } {
  op.requireScalar("gradients: the loss", loss);
  const wanted = Object.values(parameters);
  const order = pathFrom(loss, new Set(wanted));
  const cotangents = new Map<V, V>([[loss, op.scalarOf(loss.dtype, 1)]]);

  const outer = here().scope;
  for (const node of order) {
    const dys = node.outputs.map((output) => cotangents.get(output as V) ?? null);
    if (dys.every((dy) => dy === null)) continue;
    absoluteScope(gradientScope(outer, node.scope), () => {
      for (const [i, dx] of cotangentsOfInputs(node, dys).entries()) {
        const x = node.inputs[i] as V;
        if (!dx || !isFloat(x)) continue;
        const share = unbroadcast(dx, x);
        sameShape(
          `gradients: a cotangent and the input ${i} of ${node.kind === "op" ? node.op : "customGradient"}`,
          share.shape,
          x.shape,
        );
        const before = cotangents.get(x);
        cotangents.set(x, before ? op.add(before, share) : share);
      }
    });
  }
  return Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => {
      const gradient = cotangents.get(parameter);
      if (!gradient)
        throw new GradientError(
          `gradients: the loss does not depend on "${name}" ${showShape(parameter.shape)}; leave it out, or look for a stopGradient or a constant op on the way`,
        );
      return [name, gradient];
    }),
  ) as { [K in keyof P]: P[K] };
}

/** The nodes between the loss and the parameters, last made first. */
function pathFrom(loss: V, parameters: ReadonlySet<Value>): GraphNode[] {
  const needs = new Map<GraphNode, boolean>();
  // Ids ascend from inputs to outputs, so a stack with a second visit computes "depends on a parameter" without recursion.
  const stack = [loss.node];
  while (stack.length > 0) {
    const node = stack.at(-1)!;
    const sources = differentiableInputs(node);
    const unseen = needs.has(node) ? [] : sources.filter((x) => !needs.has(x.node)).map((x) => x.node);
    if (unseen.length > 0) {
      stack.push(...unseen);
      continue;
    }
    stack.pop();
    needs.set(
      node,
      sources.some((x) => parameters.has(x) || needs.get(x.node) === true),
    );
  }
  return [...needs].flatMap(([node, does]) => (does ? [node] : [])).sort((a, b) => b.id - a.id);
}

/**
 * Values a cotangent can reach: not those behind a constant op, of an alias only what its gradient names; of a Loop, Scan
 * or If also what its bodies give, so that a parameter used inside one is refused and not called unused.
 */
function differentiableInputs(node: GraphNode): readonly Value[] {
  if (node.kind === "alias") return node.inputs.slice(node.outputs.length);
  if (node.kind !== "op" || rules[node.op] === "constant") return [];
  const inside = Object.values(node.bodies).flatMap((body) => body.outputs.map(({ value }) => value));
  return [...node.inputs, ...inside].filter(isFloat);
}

function cotangentsOfInputs(node: GraphNode, dys: readonly (V | null)[]): readonly (V | null)[] {
  if (node.kind === "alias") {
    const [given, expected] = [node.backward(dys), node.inputs.length - node.outputs.length];
    if (given.length !== expected)
      throw new GradientError(
        `customGradient: its backward gives ${given.length} cotangents for ${expected} inputs; use null where none flows`,
      );
    return [...node.outputs.map(() => null), ...given];
  }
  if (node.kind !== "op") return [];
  const rule = rules[node.op] as GradientRule | "constant" | "refused";
  if (rule === "refused")
    throw new GradientError(
      `gradients: no gradient is defined through ${node.op}${node.scope ? ` (in ${node.scope})` : ""}; take it inside the body`,
    );
  if (rule === "constant") return [];
  return rule({ dy: dys[0]!, y: node.outputs[0] as V, dys, node }, ...(node.inputs as V[]));
}

/** Sums a cotangent over the axes along which its value was repeated. */
function unbroadcast(dx: V, x: V): V {
  const extra = Math.max(0, dx.shape.length - x.shape.length);
  const leading = dx.shape.slice(0, extra).map((_, i) => i);
  const summed = leading.length > 0 ? op.reduceSum(dx, { axes: leading }) : dx;
  const repeated = x.shape.flatMap((dim, i) => (dim === 1 && summed.shape[i] !== 1 ? [i] : []));
  return repeated.length > 0 ? op.reduceSum(summed, { axes: repeated, keepDims: true }) : summed;
}

const isFloat = (x: Value): x is V => x.dtype === "float32" || x.dtype === "float64";

/** `train/encode` seen from `train` gives `train/grad/encode`. */
function gradientScope(outer: string, scope: string): string {
  const inner =
    outer !== "" && scope.startsWith(`${outer}/`) ? scope.slice(outer.length + 1) : scope === outer ? "" : scope;
  return [outer, "grad", inner].filter((part) => part !== "").join("/");
}
