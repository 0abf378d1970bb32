/** Seeded random numbers: the same seed gives the same stream on every machine. */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Integer from 0 to n - 1, without bias. */
  below(n: number): number;
}

/**
 * A stream for a seed and a purpose; streams of different purposes are independent.
 * Source: sfc32 of PractRand by Chris Doty-Humphrey; seeds spread with FNV-1a and murmur3's finaliser.
 */
export function random(seed: number, purpose: string): Random {
  let a = hash(`${purpose}/${seed}/a`);
  let b = hash(`${purpose}/${seed}/b`);
  let c = hash(`${purpose}/${seed}/c`);
  let counter = 1;
  const bits = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let warmUp = 0; warmUp < 15; warmUp++) bits();

  let spare: number | undefined;
  const uniform = () => bits() / 2 ** 32;
  return {
    uniform,
    normal() {
      // Marsaglia's polar method gives two at a time.
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      let u = 0;
      let v = 0;
      let s = 0;
      do {
        u = 2 * uniform() - 1;
        v = 2 * uniform() - 1;
        s = u * u + v * v;
      } while (s === 0 || s >= 1);
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      spare = v * scale;
      return u * scale;
    },
    below(n) {
      const limit = 2 ** 32 - (2 ** 32 % n);
      let value = bits();
      while (value >= limit) value = bits();
      return value % n;
    },
  };
}

/** The numbers 0 to n - 1 in random order (Fisher-Yates). */
export function permutation(n: number, rng: Random): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/**
 * At most `count` different numbers from 0 on, each drawn with a chance in proportion to its weight; what has no weight is never drawn.
 * Source: Efraimidis and Spirakis 2006, Weighted random sampling with a reservoir: those of smallest -log(u) / weight.
 */
export function weightedSample(weights: Float64Array, count: number, rng: Random): Uint32Array {
  const keys = weights.map((weight) => -Math.log(1 - rng.uniform()) / weight);
  const possible = Uint32Array.from(weights.keys()).filter((i) => weights[i]! > 0);
  return possible.sort((a, b) => keys[a]! - keys[b]! || a - b).slice(0, count);
}

function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
