import type { SumsTable } from "../metrics/graph.ts";
import type { How } from "../metrics/metric.ts";
import type { Tensors } from "../runtime/session.ts";

/** Joins the outputs of batch after batch, in float64. */
export class Accumulator {
  readonly #totals: ReadonlyMap<string, Total>;
  #rows = 0;

  private constructor(totals: ReadonlyMap<string, Total>) {
    this.#totals = totals;
  }

  /** Nothing added up yet of the outputs of a table. */
  static of(table: SumsTable): Accumulator {
    return new Accumulator(new Map(Object.entries(table).map(([name, how]) => [name, new Total(how)])));
  }

  /** Rows seen so far. */
  get rows(): number {
    return this.#rows;
  }

  /** The outputs it takes. */
  get sums(): string[] {
    return [...this.#totals.keys()];
  }

  /** Adds the outputs of one batch, in which every row stood so many `times`. */
  add(outputs: Tensors, rows: number, times = 1): void {
    this.#rows += rows;
    for (const name of this.sums) this.#totals.get(name)!.add(outputs[name]!.data as Float32Array, times);
  }

  /** The totals of a metric by sum. */
  joined(metric: string): Readonly<Record<string, Float64Array>> {
    const own = [...this.#totals].filter(([name]) => name.startsWith(`${metric}.`));
    return Object.fromEntries(own.map(([name, total]) => [name.slice(metric.length + 1), total.value]));
  }
}

/** How two numbers are joined, and what an entry starts with. */
const joins: Readonly<Record<How, { join: (total: number, v: number, times: number) => number; start: number }>> = {
  entries: { join: (total, v, times) => total + v / times, start: 0 },
  largest: { join: (total, v) => Math.max(total, v), start: Number.NEGATIVE_INFINITY },
};

/** A total of a fixed shape, entry by entry. */
class Total {
  readonly #how: How;
  value = new Float64Array();

  constructor(how: How) {
    this.#how = how;
  }

  add(part: Float32Array, times: number): void {
    const { join, start } = joins[this.#how];
    if (this.value.length === 0) this.value = new Float64Array(part.length).fill(start);
    for (let i = 0; i < part.length; i++) this.value[i] = join(this.value[i]!, part[i]!, times);
  }
}
