import type { SumsTable } from "../metrics/graph.ts";
import type { How, Joined } from "../metrics/metric.ts";
import type { Tensors } from "../runtime/session.ts";
import { PositiveMedian } from "./median.ts";

/** Joins the outputs of batch after batch, in float64: any division into batches gives the same totals. */
export class Accumulator {
  readonly #totals: ReadonlyMap<string, Total>;
  #rows = 0;

  private constructor(totals: ReadonlyMap<string, Total>) {
    this.#totals = totals;
  }

  /** Nothing added up yet of the outputs of a table. */
  static of(table: SumsTable): Accumulator {
    return new Accumulator(new Map(Object.entries(table).map(([name, how]) => [name, totals[how]()])));
  }

  /** Rows seen so far. */
  get rows(): number {
    return this.#rows;
  }

  /** The outputs it takes. */
  get sums(): string[] {
    return [...this.#totals.keys()];
  }

  /** Adds the outputs of one batch. */
  add(outputs: Tensors, rows: number): void {
    this.#rows += rows;
    for (const name of this.sums) this.#totals.get(name)!.add(outputs[name]!.data as Float32Array);
  }

  /** What has to be added a second time, all batches again, before there is a total. */
  secondPass(): Accumulator {
    return new Accumulator(new Map([...this.#totals].filter(([, total]) => total.again?.() === true)));
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
  /** Whether it has to be given everything once more. */
  again?(): boolean;
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
  median: () => new PositiveMedian(),
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
