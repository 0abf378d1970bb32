import type { LatentRows } from "./byLatent.ts";
import type { Attribute, RowFacts } from "./facts.ts";
import type { FalseDiscovery } from "./falseDiscovery.ts";
import { type Crossed, chanceOfMore, liftOf, mutualInformation } from "./hypergeometric.ts";
import { largest } from "./largest.ts";

/** How a latent goes together with one value of an attribute: a token, or a label. */
export interface ValueUse {
  readonly value: string;
  /** Rows with this value, and those of them in which the latent fires. */
  readonly rows: number;
  readonly fires: number;
  /** Of the latent's |activation| over all rows with a value, the share in the rows with this one. */
  readonly share: number;
  /** How many times as often the latent fires in rows with this value as in all rows with a value. */
  readonly lift: number;
  /** Of firing and having the value, in bits. */
  readonly mutualInformation: number;
  /** The chance of so many firings or more, were the values dealt out to the rows anew; `null` for a value of a single row, which shows nothing. */
  readonly chance: number | null;
  /** Among all pairs of latents and values that are as sure as this one: the share to expect by chance. */
  readonly falseDiscoveryRate: number | null;
}

/** How a latent goes together with an attribute. */
export interface AttributeUse {
  readonly name: string;
  /** Values that carry most of the activation, and those that say most of whether it fires; by share. */
  readonly values: readonly ValueUse[];
}

/** Values with fewer rows are not tested: a single row shows nothing. */
const leastRows = 2;

/** Tests that are made: pairs of latents that fire and values that rows have. */
export const testsOf = (attributes: readonly Attribute[], alive: number): number =>
  alive *
  attributes.reduce((sum, { counts }) => sum + counts.reduce((n, rows) => n + (rows >= leastRows ? 1 : 0), 0), 0);

/** A latent's firings and |activation| by the values of one attribute; room for one latent, used again for the next. */
export class ValueCounts {
  readonly attribute: Attribute;
  readonly #fires: Uint32Array;
  readonly #sizes: Float64Array;
  #found: number[] = [];
  #fired = 0;
  #size = 0;

  constructor(attribute: Attribute) {
    this.attribute = attribute;
    this.#fires = new Uint32Array(attribute.values.length);
    this.#sizes = new Float64Array(attribute.values.length);
  }

  /** Counts one latent, in place of the one before. */
  count({ rows, values }: LatentRows): void {
    for (const code of this.#found) [this.#fires[code], this.#sizes[code]] = [0, 0];
    this.#found = [];
    [this.#fired, this.#size] = [0, 0];
    const { codes } = this.attribute;
    for (let i = 0; i < rows.length; i++) {
      const code = codes[rows[i]!]!;
      if (code < 0) continue;
      const size = Math.abs(values[i]!);
      if (this.#fires[code]! === 0) this.#found.push(code);
      this.#fires[code]! += 1;
      this.#sizes[code]! += size;
      this.#fired++;
      this.#size += size;
    }
  }

  /** Adds the tests of all values that the latent fires with. */
  test(into: FalseDiscovery, logs: Float64Array): void {
    for (const code of this.#found)
      if (this.attribute.counts[code]! >= leastRows) into.add(chanceOfMore(this.#crossed(code), logs));
  }

  /** The values that matter most: `most` by their share of the activation, and as many of those more frequent than elsewhere by mutual information. */
  strongest(most: number, rates: FalseDiscovery, logs: Float64Array): AttributeUse {
    const bitsOf = (code: number) => mutualInformation(this.#crossed(code));
    const byShare = largest(this.#found, most, (code) => this.#sizes[code]!);
    const byBits = largest(this.#found, most, (code) => (liftOf(this.#crossed(code)) > 1 ? bitsOf(code) : 0));
    const chosen = [...new Set([...byShare, ...byBits])].sort((a, b) => this.#sizes[b]! - this.#sizes[a]! || a - b);
    return {
      name: this.attribute.name,
      values: chosen.map((code) => {
        const crossed = this.#crossed(code);
        const chance = crossed.other < leastRows ? null : chanceOfMore(crossed, logs);
        return {
          value: this.attribute.values[code]!,
          ...{ rows: crossed.other, fires: crossed.both },
          share: this.#sizes[code]! / this.#size,
          lift: liftOf(crossed),
          mutualInformation: bitsOf(code),
          ...{ chance, falseDiscoveryRate: chance === null ? null : rates.rateOf(chance) },
        };
      }),
    };
  }

  #crossed(code: number): Crossed {
    const { known, counts } = this.attribute;
    return { rows: known, one: this.#fired, other: counts[code]!, both: this.#fires[code]! };
  }
}

/** Room for counting, one for each attribute. */
export const valueCounts = ({ attributes }: Pick<RowFacts, "attributes">): ValueCounts[] =>
  attributes.map((attribute) => new ValueCounts(attribute));
