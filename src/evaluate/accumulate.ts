import type { SumsTable } from "../metrics/graph.ts";
import type { How, Joined } from "../metrics/metric.ts";
import type { Tensors } from "../runtime/session.ts";

/** Joins the outputs of batch after batch, in float64: any division into batches gives the same totals. */
export class Accumulator {
  readonly #table: SumsTable;
  readonly #totals = new Map<string, Total>();
  #rows = 0;

  constructor(table: SumsTable) {
    this.#table = table;
    for (const [name, how] of Object.entries(table)) this.#totals.set(name, totals[how]());
  }

  /** Rows seen so far. */
  get rows(): number {
    return this.#rows;
  }

  /** The outputs it takes. */
  get sums(): string[] {
    return Object.keys(this.#table);
  }

  /** Adds the outputs of one batch. */
  add(outputs: Tensors, rows: number): void {
    this.#rows += rows;
    for (const name of this.sums) this.#totals.get(name)!.add(outputs[name]!.data as Float32Array);
  }

  /** The totals of a metric by sum; `undefined` where the table has none. */
  joined(metric: string): Record<string, Joined[How]> | undefined {
    const own = [...this.#totals].filter(([name]) => name.startsWith(`${metric}.`));
    return own.length === 0
      ? undefined
      : Object.fromEntries(own.map(([name, total]) => [name.slice(metric.length + 1), total.value()]));
  }
}

interface Total {
  add(part: Float32Array): void;
  value(): Joined[How];
}

/** One way to join for each `How`. */
const totals: Readonly<Record<How, () => Total>> = {
  rows() {
    let [sum, sumOfSquares, largest] = [0, 0, Number.NEGATIVE_INFINITY];
    return {
      add(part) {
        for (const v of part) {
          sum += v;
          sumOfSquares += v * v;
          if (v > largest) largest = v;
        }
      },
      value: () => ({ sum, sumOfSquares, largest }),
    };
  },
  entries: () => fixed((total, v) => total + v, 0),
  largest: () => fixed(Math.max, Number.NEGATIVE_INFINITY),
  values() {
    const kept: Float32Array[] = [];
    return {
      add: (part) => kept.push(part),
      value() {
        const all = new Float32Array(kept.reduce((n, part) => n + part.length, 0));
        let at = 0;
        for (const part of kept) {
          all.set(part, at);
          at += part.length;
        }
        return all;
      },
    };
  },
};

/** Totals of a fixed shape, entry by entry. */
function fixed(join: (total: number, v: number) => number, start: number): Total {
  let total = new Float64Array();
  return {
    add(part) {
      if (total.length === 0) total = new Float64Array(part.length).fill(start);
      for (let i = 0; i < part.length; i++) total[i] = join(total[i]!, part[i]!);
    },
    value: () => total,
  };
}
