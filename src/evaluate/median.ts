/** Numbers kept as they are; beyond, they are counted. */
const mostKept = 2 ** 20;

/**
 * The lower median of the positive numbers of a stream, exact, in a few MB however many there are. Up to a million are kept and
 * sorted. Of more it takes two passes: positive float32 numbers are ordered as their bits are, so the first pass counts the upper
 * 16 bits, which say where the median's lie, and the second the lower 16 of the numbers that have these.
 */
export class PositiveMedian {
  readonly #mostKept: number;
  #kept: Float32Array[] | undefined = [];
  #count = 0;
  #upper = new Float64Array();
  #second: { readonly upper: number; readonly before: number; readonly lower: Float64Array } | undefined;

  constructor({ mostKept: most = mostKept } = {}) {
    this.#mostKept = most;
  }

  /** Takes more numbers; what is not positive does not count. */
  add(numbers: Float32Array): void {
    if (this.#second) countLower(numbers, this.#second);
    else this.#addFirst(numbers);
  }

  #addFirst(numbers: Float32Array): void {
    const positive = numbers.filter((v) => v > 0);
    this.#count += positive.length;
    this.#kept?.push(positive);
    if (this.#count <= this.#mostKept) return;
    if (this.#upper.length === 0) this.#upper = new Float64Array(2 ** 15);
    for (const part of this.#kept ?? [positive]) for (const bits of bitsOf(part)) this.#upper[bits >>> 16]!++;
    this.#kept = undefined;
  }

  /** After the first pass: whether there must be a second one, in which all numbers are added again. */
  again(): boolean {
    if (this.#kept) return false;
    const { at, before } = find(this.#upper, this.#rank);
    this.#second = { upper: at, before, lower: new Float64Array(2 ** 16) };
    return true;
  }

  /** The middle of the sorted numbers, the lower one if there are two; NaN for none. */
  value(): number {
    if (this.#kept) return joined(this.#kept, this.#count).sort()[this.#rank] ?? Number.NaN;
    const { upper, before, lower } = this.#second!;
    const bits = Uint32Array.of(upper * 2 ** 16 + find(lower, this.#rank - before).at);
    return new Float32Array(bits.buffer)[0]!;
  }

  get #rank(): number {
    return Math.floor((this.#count - 1) / 2);
  }
}

const bitsOf = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);

function countLower(numbers: Float32Array, { upper, lower }: { readonly upper: number; readonly lower: Float64Array }) {
  // The upper bits of negative numbers and NaN are no positive number's, those of zero may be.
  for (const bits of bitsOf(numbers)) if (bits >>> 16 === upper && bits !== 0) lower[bits & 0xffff]!++;
}

/** Where the number of this rank was counted, and how many were counted before. */
function find(counts: Float64Array, rank: number): { at: number; before: number } {
  let [at, before] = [0, 0];
  while (before + counts[at]! <= rank) before += counts[at++]!;
  return { at, before };
}

function joined(parts: readonly Float32Array[], length: number): Float32Array {
  const all = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
