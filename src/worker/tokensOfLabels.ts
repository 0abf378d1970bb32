import type { Label } from "../data/labels.ts";
import { type TextTokenizer, tokenizerIn } from "../harvest/text/tokenizer.ts";
import { ConfigError } from "../util/errors.ts";
import type { ModelFile } from "./messages.ts";

/** The tokenizer in a tokenizer.json. @throws {ConfigError} when it is none. */
export function tokenizerOf({ name, bytes }: ModelFile): TextTokenizer {
  let own: unknown;
  try {
    own = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ConfigError(`${name}: is not JSON; give a tokenizer.json`);
  }
  return tokenizerIn(own as Record<string, unknown>, {}, name);
}

/**
 * Labels of single rows of texts, with the tokens of their text: so that the row's own token can be marked. A label keeps its own where
 * the tokenizer puts another token at its position: then it is of another model.
 */
export class TokensOfLabels {
  readonly #tokenizer: TextTokenizer;
  readonly #known = new Map<Label, Label>();

  constructor(tokenizer: TextTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Whether the tokenizer is the one of some labels: of the first that have a text, a position and a token. */
  fits(labels: readonly Label[]): boolean {
    const some = labels.filter(isWhole).slice(0, 20);
    return some.length > 0 && some.every((label) => this.with(label) !== label);
  }

  with(label: Label): Label {
    const known = this.#known.get(label);
    if (known) return known;
    const { ids } = isWhole(label) ? this.#tokenizer.encode(label.text, "a label's text") : { ids: undefined };
    const { position, token_id } = label as { position?: number; token_id?: number };
    const isOwn = ids !== undefined && ids[position!] === token_id;
    const made = isOwn ? { ...label, tokens: Array.from(ids, this.#tokenizer.show) } : label;
    this.#known.set(label, made);
    return made;
  }

  /** The text of each token up to the largest id of some labels. */
  vocabulary(labels: readonly Label[]): readonly string[] {
    const most = labels.reduce((high, { token_id }) => Math.max(high, Number(token_id) || 0), 0);
    return Array.from({ length: most + 1 }, (_, id) => this.#tokenizer.show(id));
  }
}

const isWhole = (label: Label): label is Label & { readonly text: string } =>
  typeof label.text === "string" &&
  label.tokens === undefined &&
  Number.isInteger(label.position) &&
  Number.isInteger(label.token_id);
