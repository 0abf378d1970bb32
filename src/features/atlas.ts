import type { Label } from "../data/labels.ts";
import { ConfigError } from "../util/errors.ts";
import { random } from "../util/random.ts";
import type { HostTensor } from "../util/tensor.ts";
import { type LatentGroup, type LatentRows, latentGroups } from "./byLatent.ts";
import type { CodeChunk, Codes } from "./codes.ts";
import { type Example, ExampleMaker, rowsToRead } from "./examples.ts";
import { type RowFacts, rowsOfTokens } from "./facts.ts";
import { FalseDiscovery } from "./falseDiscovery.ts";
import { companionsOf, dense, duplicatesOf, type Feature, usualCounts } from "./features.ts";
import { logFactorials } from "./hypergeometric.ts";
import { largest } from "./largest.ts";
import { type Found, TextIndex } from "./search.ts";
import { testsOf, type ValueCounts, valueCounts } from "./specificity.ts";
import { firingOf, shownRows } from "./statistics.ts";

/** What a list of latents shows, `[latentDim]` each. */
export interface LatentList {
  /** Share of rows a latent is not zero in. */
  readonly frequency: Float32Array;
  /** Largest |activation|, with its sign. */
  readonly largest: Float32Array;
  /** Of its rows, the share with a negative activation. */
  readonly negative: Float32Array;
  /** How many of its |activations| fall into each of `sparkBins` equal parts of its range, 255 for the fullest; `[latentDim, sparkBins]`. */
  readonly spark: Uint8Array;
}

export const sparkBins = 12;

/** A latent that is not zero somewhere, and how much. */
export interface Active {
  readonly latent: number;
  readonly value: number;
}

/** A text and the latents of its tokens. */
export interface TextCodes {
  /** `undefined` where tokens are not known: then there is one entry in `active`, for the row itself. */
  readonly tokens?: readonly string[] | undefined;
  readonly text?: string | undefined;
  /** What else is known of the row. */
  readonly label?: Label | undefined;
  /** The token that was asked for. */
  readonly at: number;
  /** Of each token the latents that are not zero, the largest |value| first; `null` where no row is that token. */
  readonly active: readonly (readonly Active[] | null)[];
  /** The row of each token, `null` where there is none. */
  readonly rows: readonly (number | null)[];
}

/** All whole texts are shown: no text in use has more tokens. */
const whole = { before: 2000, behind: 2000 };
const brief = { before: 7, behind: 5 };
/** Latents of a token that are listed, at most. */
const mostActive = 64;

/** What an encoder made of some rows, to be asked about one latent, row or word at a time. All of it is in memory. */
export class Atlas {
  readonly codes: Codes;
  readonly facts: RowFacts;
  readonly #chunks: readonly CodeChunk[];
  readonly #groups: readonly LatentGroup[];
  /** `[latentDim, outputDim]`, where there is one. */
  readonly decoder: HostTensor<"float32"> | undefined;
  readonly #values: ValueCounts[];
  readonly #logs: Float64Array;
  readonly #tests: number;
  #lengths: Float64Array | undefined;
  #index: TextIndex | undefined;

  private constructor(
    codes: Codes,
    facts: RowFacts,
    chunks: CodeChunk[],
    groups: LatentGroup[],
    decoder?: HostTensor<"float32">,
  ) {
    [this.codes, this.facts, this.#chunks, this.#groups, this.decoder] = [codes, facts, chunks, groups, decoder];
    this.#values = valueCounts(facts);
    this.#logs = logFactorials(facts.attributes.length > 0 ? codes.rows : 0);
    this.#tests = testsOf(
      facts.attributes,
      codes.fired.reduce((sum, fired) => sum + (fired > 0 ? 1 : 0), 0),
    );
  }

  /** `decoder`, `[latentDim, outputDim]`, is what nearest latents are found by. */
  static async open(codes: Codes, facts: RowFacts, decoder?: HostTensor<"float32">): Promise<Atlas> {
    const [chunks, groups]: [CodeChunk[], LatentGroup[]] = [[], []];
    for await (const chunk of codes.store.all()) chunks.push(chunk);
    for await (const group of latentGroups(codes)) groups.push(group);
    return new Atlas(codes, facts, chunks, groups, decoder);
  }

  /** What the list of all latents shows. */
  list(): LatentList {
    const { latentDim, rows, fired } = this.codes;
    const [frequency, strongest, negative] = [0, 0, 0].map(() => new Float32Array(latentDim)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const spark = new Uint8Array(latentDim * sparkBins);
    for (let latent = 0; latent < latentDim; latent++) {
      if (fired[latent] === 0) continue;
      const { values } = this.#of(latent);
      let [most, below] = [0, 0];
      for (const value of values) {
        if (Math.abs(value) > Math.abs(most)) most = value;
        if (value < 0) below++;
      }
      frequency[latent] = fired[latent]! / rows;
      strongest[latent] = most;
      negative[latent] = below / values.length;
      spark.set(sparkOf(values, Math.abs(most)), latent * sparkBins);
    }
    return { frequency, largest: strongest, negative, spark };
  }

  /** All that is to know of a latent, its examples as whole texts. @throws {ConfigError} when there is no such latent. */
  async latent(latent: number): Promise<Feature> {
    this.#check(latent);
    const of = this.#of(latent);
    const shown = shownRows(of, this.facts.texts?.of, usualCounts, random(0, `rows of latent ${latent}`));
    const lists = [shown.top, ...shown.bands.map((band) => band.shown)];
    const [top, ...others] = await this.#examples(of, lists, whole);
    const nearest = this.#nearest(latent, usualCounts.neighbours);
    const companions = companionsOf(latent, this.#together(of), this.codes.fired, this.codes.rows);
    const firing = firingOf(of, this.facts);
    return {
      ...{ latent, firing, nearest },
      top: top!,
      bands: shown.bands.map(({ from, to }, i) => ({ from, to, examples: others[i]! })),
      attributes: this.#attributes(of),
      together: companions.slice(0, usualCounts.neighbours),
      duplicates: duplicatesOf(nearest, companions),
      dense: firing.frequency > dense,
    };
  }

  /** Of each of some latents its strongest row, with a few tokens around; `null` where it never fires. */
  async snippets(latents: readonly number[]): Promise<readonly (Example | null)[]> {
    const found: (Example | null)[] = [];
    for (const latent of latents) {
      this.#check(latent);
      const of = this.#of(latent);
      if (of.rows.length === 0) found.push(null);
      else {
        let first = 0;
        for (let i = 1; i < of.values.length; i++) if (Math.abs(of.values[i]!) > Math.abs(of.values[first]!)) first = i;
        found.push((await this.#examples(of, [[first]], brief))[0]![0]!);
      }
    }
    return found;
  }

  /** Latents that are about some words: see `TextIndex`. @throws {ConfigError} when there are no texts. */
  async search(words: string): Promise<readonly Found[]> {
    this.#index ??= await TextIndex.open(this.facts);
    return this.#index.search(words, this.codes.latentDim, (latent) => this.#of(latent).rows);
  }

  /** A row in its text, with the latents of each token. @throws {ConfigError} when there is no such row. */
  async row(row: number): Promise<TextCodes> {
    const { rows } = this.codes;
    if (!Number.isInteger(row) || row < 0 || row >= rows)
      throw new ConfigError(`there is no row ${row}; they are numbered 0 to ${rows - 1}`);
    const [label] = (await this.facts.labels?.([row])) ?? [];
    const of = { latent: 0, rows: Uint32Array.of(row), values: Float32Array.of(0) };
    const [[example]] = (await this.#examples(of, [[0]], whole)) as [[Example]];
    const { tokens, at = 0, text } = example;
    if (!tokens) return { text, label: label ?? undefined, at: 0, active: [this.#activeIn(row)], rows: [row] };
    const places = this.#rowsOf(row, tokens.length, at);
    return {
      ...{ tokens, at, label: label ?? undefined, rows: places },
      active: places.map((one) => (one === null ? null : this.#activeIn(one))),
    };
  }

  /** The row of each token of a row's text. */
  #rowsOf(row: number, tokens: number, at: number): (number | null)[] {
    const { texts } = this.facts;
    const text = texts?.of[row] ?? -1;
    if (text < 0) return Array.from({ length: tokens }, (_, place) => (place === at ? row : null));
    return Array.from(rowsOfTokens(texts!, text, tokens), (one) => (one < 0 ? null : one));
  }

  #check(latent: number): void {
    const { latentDim } = this.codes;
    if (!Number.isInteger(latent) || latent < 0 || latent >= latentDim)
      throw new ConfigError(`there is no latent ${latent}; they are numbered 0 to ${latentDim - 1}`);
  }

  #of(latent: number): LatentRows {
    return this.#groups.find(({ to }) => latent < to)!.of(latent);
  }

  /** The latents of a row. */
  #activeIn(row: number): readonly Active[] {
    const { chunk, from, to } = this.#entries(row);
    const active = Array.from({ length: to - from }, (_, i) => ({
      latent: chunk.latents[from + i]!,
      value: chunk.values[from + i]!,
    }));
    return active.sort(strongestFirst).slice(0, mostActive);
  }

  #entries(row: number): { readonly chunk: CodeChunk; readonly from: number; readonly to: number } {
    let [low, high] = [0, this.#chunks.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#chunks[middle]!.first <= row) low = middle;
      else high = middle - 1;
    }
    const chunk = this.#chunks[low]!;
    return { chunk, from: chunk.starts[row - chunk.first]!, to: chunk.starts[row - chunk.first + 1]! };
  }

  async #examples(of: LatentRows, lists: readonly (readonly number[])[], window: typeof whole): Promise<Example[][]> {
    const read = rowsToRead([{ of, shown: lists.flat() }], this.facts);
    const labels = read.length > 0 ? await this.facts.labels!(read) : [];
    const maker = new ExampleMaker(this.facts, window);
    return maker.examples(of, lists, new Map(Array.from(read, (row, i) => [row, labels[i] ?? null])));
  }

  /** What it is specific to. Only this latent's chances are ordered among all tests, so that no rate is too small. */
  #attributes(of: LatentRows): Feature["attributes"] {
    const rates = new FalseDiscovery();
    for (const one of this.#values) {
      one.count(of);
      one.test(rates, this.#logs);
    }
    rates.finish(this.#tests);
    return this.#values.map((one) => one.strongest(usualCounts.values, rates, this.#logs));
  }

  /** In how many of a latent's rows each other one fires. */
  #together({ rows }: LatentRows): Uint32Array {
    const counts = new Uint32Array(this.codes.latentDim);
    for (const row of rows) {
      const { chunk, from, to } = this.#entries(row);
      for (let i = from; i < to; i++) counts[chunk.latents[i]!]! += 1;
    }
    return counts;
  }

  #nearest(latent: number, count: number): Feature["nearest"] {
    if (!this.decoder) return [];
    const { data, dims } = this.decoder;
    const [rows, width] = dims as [number, number];
    const dot = (a: number, b: number) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += data[a * width + i]! * data[b * width + i]!;
      return sum;
    };
    this.#lengths ??= Float64Array.from({ length: rows }, (_, row) => Math.sqrt(dot(row, row)) || 1);
    const lengths = this.#lengths;
    const cosines = Float64Array.from({ length: rows }, (_, other) =>
      other === latent ? 0 : dot(latent, other) / (lengths[latent]! * lengths[other]!),
    );
    return largest(cosines.keys(), count, (other) => cosines[other]!).map((other) => ({
      latent: other,
      cosine: cosines[other]!,
    }));
  }
}

const strongestFirst = (a: Active, b: Active) => Math.abs(b.value) - Math.abs(a.value) || a.latent - b.latent;

/** The latents that are not zero in `[latentDim]` numbers, the largest |value| first. */
export const activeOf = (values: ArrayLike<number>): Active[] =>
  Array.from(values, (value, latent) => ({ latent, value }))
    .filter(({ value }) => value !== 0)
    .sort(strongestFirst)
    .slice(0, mostActive);

function sparkOf(values: Float32Array, most: number): Uint8Array {
  const counts = new Float64Array(sparkBins);
  for (const value of values) counts[Math.min(sparkBins - 1, Math.floor((Math.abs(value) / most) * sparkBins))]! += 1;
  const highest = Math.max(...counts);
  return Uint8Array.from(counts, (count) => Math.ceil((255 * count) / highest));
}
