/** @file Graphs with bodies, each with what it must give; run on ONNX Runtime and looked at by the checker. */
import { cond, loop, scan, type Values } from "../../src/graph/control.ts";
import * as op from "../../src/graph/ops.ts";
import type { Tensors } from "../../src/runtime/session.ts";
import { int64s, scalar, tensor } from "../../src/util/tensor.ts";

/** A graph, what it is fed, and what must come out. */
export interface Example {
  readonly inputs: Values;
  readonly outputs: Values;
  readonly feeds: Tensors;
  readonly expected: Readonly<
    Record<string, { readonly dims: readonly number[]; readonly data: readonly (number | boolean)[] }>
  >;
}

const f32 = (dims: readonly number[], ...data: number[]) => tensor("float32", dims, Float32Array.from(data));
const trips = (n: number) => op.scalarOf("int64", n);

/** Every way a value can go in and out of a body. */
export const bodies = {
  Loop_sums_and_stacks: (): Example => {
    const x = op.input("float32", []);
    const scale = op.mul(x, 2);
    const { state, outputs } = loop({
      trips: trips(3),
      state: { sum: x },
      body: (step, { sum }) => {
        const next = op.add(sum, op.mul(op.cast(step, "float32"), scale));
        return { state: { sum: next }, outputs: { sum, next } };
      },
    });
    return {
      inputs: { x },
      outputs: { last: state.sum, before: outputs.sum, after: outputs.next },
      feeds: { x: scalar(1) },
      expected: {
        last: { dims: [], data: [7] },
        before: { dims: [3], data: [1, 1, 3] },
        after: { dims: [3], data: [1, 3, 7] },
      },
    };
  },

  Loop_keeps_swaps_and_replaces: (): Example => {
    const [a, b, c, d, e] = [
      op.input("float32", []),
      op.input("float32", []),
      op.input("float32", []),
      op.input("float32", []),
      op.input("float32", []),
    ] as const;
    const outside = op.add(a, 10);
    const { state } = loop({
      trips: trips(3),
      state: { a, b, c, d, e },
      body: (_, s) => ({ state: { a: s.b, b: s.a, c: s.c, d: op.scalarOf("float32", 5), e: outside }, outputs: {} }),
    });
    return {
      inputs: { a, b, c, d, e },
      outputs: { a1: state.a, b1: state.b, c1: state.c, d1: state.d, e1: state.e },
      feeds: { a: scalar(1), b: scalar(2), c: scalar(3), d: scalar(4), e: scalar(0) },
      expected: {
        a1: { dims: [], data: [2] },
        b1: { dims: [], data: [1] },
        c1: { dims: [], data: [3] },
        d1: { dims: [], data: [5] },
        e1: { dims: [], data: [11] },
      },
    };
  },

  Loop_carries_bools: (): Example => {
    const x = op.input("float32", []);
    const positive = op.greater(x, 0);
    const { state, outputs } = loop({
      trips: trips(3),
      state: { kept: positive, flipped: positive, outer: op.not(positive) },
      body: (_, { kept, flipped }) => ({
        state: { kept, flipped: op.not(flipped), outer: positive },
        outputs: { kept, twice: kept, outer: positive },
      }),
    });
    return {
      inputs: { x },
      outputs: { ...state, all_kept: outputs.kept, all_twice: outputs.twice, all_outer: outputs.outer },
      feeds: { x: scalar(1) },
      expected: {
        kept: { dims: [], data: [1] },
        flipped: { dims: [], data: [0] },
        outer: { dims: [], data: [1] },
        all_kept: { dims: [3], data: [1, 1, 1] },
        all_twice: { dims: [3], data: [1, 1, 1] },
        all_outer: { dims: [3], data: [1, 1, 1] },
      },
    };
  },

  Loop_names_that_clash: (): Example => {
    const step = op.input("float32", []);
    const condition = op.input("float32", []);
    const each_x = op.input("float32", []);
    const { state, outputs } = loop({
      trips: trips(2),
      state: { step, condition, each_x },
      body: (_, s) => ({
        state: { step: op.add(s.step, 1), condition: op.add(s.condition, 2), each_x: op.add(s.each_x, 3) },
        outputs: { x: op.neg(s.step) },
      }),
    });
    return {
      inputs: { step, condition, each_x },
      outputs: { a: state.step, b: state.condition, c: state.each_x, x: outputs.x },
      feeds: { step: scalar(0), condition: scalar(0), each_x: scalar(0) },
      expected: {
        a: { dims: [], data: [2] },
        b: { dims: [], data: [4] },
        c: { dims: [], data: [6] },
        x: { dims: [2], data: [-0, -1] },
      },
    };
  },

  Loop_that_never_runs: (): Example => {
    const x = op.input("float32", ["rows", 2]);
    const n = op.input("int64", []);
    const { state, outputs } = loop({
      trips: n,
      state: { x },
      body: (_, { x }) => ({ state: { x: op.mul(x, 2) }, outputs: { x } }),
    });
    return {
      inputs: { x, n },
      outputs: { last: state.x, all: outputs.x },
      feeds: { x: f32([1, 2], 3, 4), n: tensor("int64", [], BigInt64Array.of(0n)) },
      // Of no steps ONNX Runtime knows no rows.
      expected: { last: { dims: [1, 2], data: [3, 4] }, all: { dims: [0, 0, 2], data: [] } },
    };
  },

  Loop_state_that_grows: (): Example => {
    const rows = op.input("float32", ["?", 2]);
    const { state } = loop({
      trips: trips(2),
      state: { rows },
      body: (_, { rows }) => ({ state: { rows: op.concat([rows, op.neg(rows)], 0) }, outputs: {} }),
    });
    return {
      inputs: { rows },
      outputs: { all: state.rows },
      feeds: { rows: f32([1, 2], 1, 2) },
      expected: { all: { dims: [4, 2], data: [1, 2, -1, -2, -1, -2, 1, 2] } },
    };
  },

  Scan_over_rows: (): Example => {
    const x = op.input("float32", ["rows", 2]);
    const y = op.input("float32", ["rows"]);
    const start = op.input("float32", [2]);
    const { state, outputs } = scan({
      state: { start, each_x: op.scalarOf("float32", 0) },
      over: { x, y },
      body: (s, { x, y }) => ({
        state: { start: op.add(s.start, op.mul(x, y)), each_x: op.add(s.each_x, y) },
        outputs: { x: s.start, same: s.start },
      }),
    });
    return {
      inputs: { x, y, start },
      outputs: { last: state.start, total: state.each_x, before: outputs.x, again: outputs.same },
      feeds: { x: f32([3, 2], 1, 2, 3, 4, 5, 6), y: f32([3], 1, 10, 100), start: f32([2], 0, 0) },
      expected: {
        last: { dims: [2], data: [531, 642] },
        total: { dims: [], data: [111] },
        before: { dims: [3, 2], data: [0, 0, 1, 2, 31, 42] },
        again: { dims: [3, 2], data: [0, 0, 1, 2, 31, 42] },
      },
    };
  },

  bodies_in_bodies: (): Example => {
    const x = op.input("float32", []);
    const outside = op.mul(x, 100);
    const { state } = loop({
      trips: trips(2),
      state: { sum: x },
      body: (_, { sum }) => {
        const middle = op.add(sum, 1);
        const inner = loop({
          trips: trips(2),
          state: { sum: middle },
          body: (step, s) => ({
            state: {
              sum: cond(
                op.equal(step, 0),
                () => ({ y: op.add(s.sum, outside) }),
                () => ({ y: op.add(op.sub(s.sum, middle), sum) }),
              ).y,
            },
            outputs: {},
          }),
        });
        return { state: inner.state, outputs: {} };
      },
    });
    // one outer step: middle = sum + 1; then middle + outside - middle + sum = sum + outside.
    return {
      inputs: { x },
      outputs: { y: state.sum },
      feeds: { x: scalar(1) },
      expected: { y: { dims: [], data: [201] } },
    };
  },

  If_gives_constants_and_outer_values: (): Example => {
    const x = op.input("float32", [2]);
    const at = op.input("int64", [1]);
    const yes = op.greater(op.reduceSum(x), 0);
    const { a, b, c } = cond(
      yes,
      () => ({ a: x, b: op.constant(f32([2], 7, 8)), c: x }),
      () => ({ c: op.gather(x, at), a: op.neg(x), b: x }),
    );
    return {
      inputs: { x, at },
      outputs: { a, b, c },
      // The index is out of range: the second branch would fail if it ran.
      feeds: { x: f32([2], 1, 2), at: int64s([99]) },
      expected: { a: { dims: [2], data: [1, 2] }, b: { dims: [2], data: [7, 8] }, c: { dims: [2], data: [1, 2] } },
    };
  },
} satisfies Record<string, () => Example>;
