import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { LossSums } from "./losses.ts";
import { crossEntropy, type Distribution, distributionAt, divergence, logSumExp } from "./nextToken.ts";

/** A text of a batch. */
export interface MeasuredText {
  readonly number: number;
  readonly ids: Int32Array;
  /** 1 where a token is not to be predicted. */
  readonly special: Uint8Array;
}

/** Takes in what the model gives of each batch: unchanged first, then under each change, by its number. */
export interface Measure {
  clean(texts: readonly MeasuredText[], given: HostTensor<"float32">): void;
  /** `given` is what `clean` was given where nothing is changed. */
  changed(change: number, given: HostTensor<"float32">): void;
}

/** Measures how well the next tokens are predicted, from logits `[texts, length, vocabulary]`. */
export class NextTokenMeasure implements Measure {
  readonly sums: LossSums;
  readonly #names: readonly string[];
  readonly #file: string;
  #unchanged: HostTensor<"float32"> | undefined;
  /** Places of the batch where a token is predicted: the last of a text predicts none. */
  #places: readonly { position: number; next: number; clean: Distribution; crossEntropy: number }[] = [];

  constructor(names: readonly string[], file: string) {
    this.sums = new LossSums(names);
    this.#names = names;
    this.#file = file;
  }

  clean(texts: readonly MeasuredText[], logits: HostTensor<"float32">): void {
    const [, length, vocabulary] = logits.dims as [number, number, number];
    this.#unchanged = logits;
    this.#places = texts.flatMap(({ ids, special, number }, text) =>
      Array.from(ids.subarray(1), (next, position) => ({ next, position }))
        .filter(({ position }) => special[position + 1] === 0)
        .map(({ next, position }) => {
          if (next >= vocabulary)
            throw new ConfigError(
              `${this.#file}: gives logits of ${vocabulary} tokens, text ${number} has a token ${next}; is the tokenizer the model's?`,
            );
          const clean = distributionAt(logits.data, (text * length + position) * vocabulary, vocabulary);
          const own = crossEntropy(logits.data, clean.from, clean.logSum, next);
          if (!Number.isFinite(own))
            throw new ConfigError(
              `${this.#file}: gives logits that are not finite at text ${number}, position ${position}; its weights are damaged`,
            );
          this.sums.addClean(position, own);
          return { position, next, clean, crossEntropy: own };
        }),
    );
  }

  changed(change: number, logits: HostTensor<"float32">): void {
    for (const { position, next, clean, crossEntropy: own } of this.#places) {
      if (logits === this.#unchanged) {
        this.sums.addChanged(change, position, own, 0);
        continue;
      }
      const logSum = logSumExp(logits.data, clean.from, clean.chances.length);
      if (!Number.isFinite(logSum))
        throw new ConfigError(
          `${this.#names[change]}: makes ${this.#file} give logits that are not finite, at position ${position}; change less`,
        );
      this.sums.addChanged(
        change,
        position,
        crossEntropy(logits.data, clean.from, logSum, next),
        divergence(clean, logits.data, logSum),
      );
    }
  }
}
