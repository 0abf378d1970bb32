/** @file Sums of cross-entropies and divergences, by position. */

/** Cross-entropy and divergence of one change, in nats a token. */
export interface Losses {
  readonly cross_entropy: number;
  readonly kl: number;
  /** `(zero - this) / (zero - unchanged)` of cross-entropies, and the same against mean ablation; `null` where the ablation does no harm. */
  readonly recovered: number | null;
  readonly recovered_mean: number | null;
}

/** What is true of the tokens predicted at some positions. */
export interface GroupLosses {
  readonly tokens: number;
  /** Of the unchanged model. */
  readonly cross_entropy: number;
  /** By the names of changes. */
  readonly changes: Readonly<Record<string, Losses>>;
}

/** The same at positions `from` to `to`, both included. */
export interface PositionLosses extends GroupLosses {
  readonly from: number;
  readonly to: number;
}

/** Positions 0, 1, 2 to 3, 4 to 7, ... are one group each. */
const groupOf = (position: number): number => (position === 0 ? 0 : 1 + Math.floor(Math.log2(position)));
const firstOf = (group: number): number => (group === 0 ? 0 : 2 ** (group - 1));

interface Sums {
  tokens: number;
  clean: number;
  readonly changed: readonly { crossEntropy: number; divergence: number }[];
}

/** Adds up what changes, by their numbers, do to predictions. */
export class LossSums {
  readonly #names: readonly string[];
  readonly #groups: Sums[] = [];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** The unchanged model's cross-entropy of a token predicted at a position. */
  addClean(position: number, crossEntropy: number): void {
    const group = this.#at(position);
    group.tokens++;
    group.clean += crossEntropy;
  }

  /** The same under a change, and the divergence. */
  addChanged(change: number, position: number, crossEntropy: number, divergence: number): void {
    const sums = this.#at(position).changed[change]!;
    sums.crossEntropy += crossEntropy;
    sums.divergence += divergence;
  }

  /** Of all positions, and of each group that has a token. */
  results(): { readonly all: GroupLosses; readonly byPosition: readonly PositionLosses[] } {
    const total = this.#empty();
    for (const { tokens, clean, changed } of this.#groups) {
      total.tokens += tokens;
      total.clean += clean;
      for (const [i, { crossEntropy, divergence }] of changed.entries()) {
        total.changed[i]!.crossEntropy += crossEntropy;
        total.changed[i]!.divergence += divergence;
      }
    }
    const byPosition = this.#groups.flatMap((sums, group) => {
      const [from, next] = [firstOf(group), firstOf(group + 1)];
      return sums.tokens === 0 ? [] : [{ from, to: next - 1, ...this.#means(sums) }];
    });
    return { all: this.#means(total), byPosition };
  }

  #empty = (): Sums => ({
    ...{ tokens: 0, clean: 0 },
    changed: this.#names.map(() => ({ crossEntropy: 0, divergence: 0 })),
  });

  #at(position: number): Sums {
    const group = groupOf(position);
    while (this.#groups.length <= group) this.#groups.push(this.#empty());
    return this.#groups[group]!;
  }

  #means({ tokens, clean, changed }: Sums): GroupLosses {
    const unchanged = clean / tokens;
    const [zero, mean] = ["zero", "mean"].map((name) => changed[this.#names.indexOf(name)]!.crossEntropy / tokens);
    const recovered = (own: number, worst: number) => (worst > unchanged ? (worst - own) / (worst - unchanged) : null);
    const changes = this.#names.map((name, i): [string, Losses] => {
      const own = changed[i]!.crossEntropy / tokens;
      const kl = changed[i]!.divergence / tokens;
      return [
        name,
        { cross_entropy: own, kl, recovered: recovered(own, zero!), recovered_mean: recovered(own, mean!) },
      ];
    });
    return { tokens, cross_entropy: unchanged, changes: Object.fromEntries(changes) };
  }
}
