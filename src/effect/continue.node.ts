import type { EncodedText } from "../harvest/text/texts.node.ts";
import type { TextTokenizer } from "../harvest/text/tokenizer.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import type { Halves } from "./halves.node.ts";
import { likeliest } from "./nextToken.ts";
import type { Variant } from "./variants.node.ts";

/** How a text goes on under a change; of the unchanged model `unchanged`. */
export interface Continuation {
  readonly name: string;
  readonly text: string;
  readonly ids: readonly number[];
}

interface Continuing {
  readonly halves: Halves;
  readonly variants: readonly Variant[];
  readonly tokenizer: TextTokenizer | undefined;
  readonly plain: boolean;
  /** The activation of a text under a variant. */
  readonly change: (
    variant: Variant,
    text: EncodedText,
    activation: HostTensor<"float32">,
  ) => Promise<HostTensor<"float32">>;
}

/**
 * The likeliest tokens after a prompt, one after the other, until a special one: unchanged, and under every variant. The whole text is run
 * again for each token, without a cache.
 * @throws {ConfigError} without a tokenizer.
 */
export async function continued(
  { text, tokens }: { readonly text: string; readonly tokens: number },
  { halves, variants, tokenizer, plain, change }: Continuing,
): Promise<readonly Continuation[]> {
  if (!tokenizer)
    throw new ConfigError(`--prompt: is text, which needs a tokenizer; name a tokenizer.json with --tokenizer`);
  const start = tokenizer.encode(text, "--prompt", { plain });
  if (start.ids.length === 0) throw new ConfigError("--prompt: has no token; give a text");
  const found: Continuation[] = [];
  for (const variant of [undefined, ...variants]) {
    const ids = [...start.ids];
    while (ids.length < start.ids.length + tokens) {
      const one: EncodedText = {
        ...{ number: -1, text, ids: Int32Array.from(ids), offsets: undefined, mask: undefined, inputs: {} },
        special: Uint8Array.from(ids, (_, i) => start.special[i] ?? 0),
      };
      const activation = await halves.before([one]);
      const changed = variant ? await change(variant, one, activation) : activation;
      const { data, dims } = await halves.after([one], changed);
      const vocabulary = dims[2]!;
      const next = likeliest(data, (ids.length - 1) * vocabulary, vocabulary);
      if (tokenizer.special.has(next)) break;
      ids.push(next);
    }
    const own = ids.slice(start.ids.length);
    found.push({ name: variant?.name ?? "unchanged", text: tokenizer.text(own), ids: own });
  }
  return found;
}
