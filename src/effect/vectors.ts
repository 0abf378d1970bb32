import type { HostTensor } from "../util/tensor.ts";
import type { Measure, MeasuredText } from "./measure.ts";

/** How one text's vector moved. */
export interface MovedText {
  /** The text's number. */
  readonly text: number;
  readonly cosine: number;
  /** Euclidean. */
  readonly distance: number;
  /** The text whose unchanged vector is nearest to it now, by cosine; at a tie the first. */
  readonly nearest: number;
}

/** What a change does to the vectors of all texts. */
export interface VectorEffect {
  readonly cosine_mean: number;
  readonly cosine_min: number;
  readonly distance_mean: number;
  /** Share of texts that are nearest to themselves, as all are before. */
  readonly still_nearest: number;
  readonly texts: readonly MovedText[];
  /** The first texts that are nearest to another one now, in words where there are some. */
  readonly examples: readonly { readonly text: string; readonly nearest: string }[];
}

/** How many such texts are named. */
const named = 3;

/** The vectors of texts as the unchanged model gives them. */
export class TextVectors {
  readonly #rows: { readonly text: number; readonly vector: Float32Array; readonly length: number }[] = [];
  readonly #words = new Map<number, string>();

  add(text: number, vector: Float32Array, words?: string): void {
    this.#rows.push({ text, vector: vector.slice(), length: lengthOf(vector) });
    if (words !== undefined) this.#words.set(text, words);
  }

  /** What a text says; where only its ids are known, which it is. */
  words = (text: number): string => this.#words.get(text) ?? `text ${text}`;

  /** How a text's vector moved to `now`. */
  moved(text: number, before: Float32Array, now: Float32Array): MovedText {
    const length = lengthOf(now);
    let best = { text: -1, cosine: Number.NEGATIVE_INFINITY };
    for (const row of this.#rows) {
      const cosine = dot(now, row.vector) / (length * row.length);
      if (cosine > best.cosine || (cosine === best.cosine && row.text < best.text)) best = { text: row.text, cosine };
    }
    let sum = 0;
    for (let i = 0; i < now.length; i++) sum += (now[i]! - before[i]!) ** 2;
    return {
      text,
      cosine: dot(before, now) / (lengthOf(before) * length),
      distance: Math.sqrt(sum),
      nearest: best.text,
    };
  }
}

/** Measures how far vectors `[texts, width]` move, all in float64. */
export class VectorMeasure implements Measure {
  readonly #among: TextVectors;
  readonly #moved: MovedText[][];
  #texts: readonly MeasuredText[] = [];
  #unchanged: HostTensor<"float32"> | undefined;

  /** `among` are the vectors of all texts. */
  constructor(changes: number, among: TextVectors) {
    this.#among = among;
    this.#moved = Array.from({ length: changes }, () => []);
  }

  clean(texts: readonly MeasuredText[], vectors: HostTensor<"float32">): void {
    this.#texts = texts;
    this.#unchanged = vectors;
  }

  changed(change: number, vectors: HostTensor<"float32">): void {
    for (const [i, { number }] of this.#texts.entries())
      this.#moved[change]!.push(this.#among.moved(number, rowOf(this.#unchanged!, i), rowOf(vectors, i)));
  }

  /** By the numbers of changes. */
  results = (): readonly VectorEffect[] => this.#moved.map((moved) => effectOf(moved, this.#among));
}

/** Row `i` of a matrix. */
export const rowOf = ({ data, dims }: HostTensor<"float32">, i: number): Float32Array =>
  data.subarray(i * dims[1]!, (i + 1) * dims[1]!);

function effectOf(unordered: readonly MovedText[], { words }: TextVectors): VectorEffect {
  const texts = [...unordered].sort((a, b) => a.text - b.text);
  const mean = (value: (one: MovedText) => number) => texts.reduce((sum, one) => sum + value(one), 0) / texts.length;
  return {
    cosine_mean: mean(({ cosine }) => cosine),
    cosine_min: texts.reduce((least, { cosine }) => Math.min(least, cosine), 1),
    distance_mean: mean(({ distance }) => distance),
    still_nearest: mean(({ text, nearest }) => Number(text === nearest)),
    texts,
    examples: texts
      .filter(({ text, nearest }) => text !== nearest)
      .slice(0, named)
      .map(({ text, nearest }) => ({ text: words(text), nearest: words(nearest) })),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

const lengthOf = (vector: Float32Array): number => Math.sqrt(dot(vector, vector));
