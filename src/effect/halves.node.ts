/** @file A language model in two halves: up to an activation, and from it on with another one in its place. */
import { attach } from "../export/attach/attach.ts";
import { floats } from "../harvest/floats.ts";
import { type LanguageModel, openTapped, tapsCalled } from "../harvest/model.node.ts";
import type { EncodedText } from "../harvest/text/texts.node.ts";
import { networkOf } from "../onnx/locate.ts";
import { decodeModel } from "../onnx/model.ts";
import { valueAt } from "../onnx/runnable.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import type { OpenSae } from "./sae.node.ts";

/** A model cut at an activation. */
export interface Halves {
  /** What the place is called: `blocks.14`. */
  readonly at: string;
  /** The output that is measured. */
  readonly output: string;
  /** What to know of where the SAE is put. */
  readonly cautions: readonly string[];
  /** Whether texts of several lengths may be run together. */
  readonly fills: boolean;
  /** The activation of some texts, `[texts, length, width]`; texts are filled up at their ends. */
  readonly before: (texts: readonly EncodedText[]) => Promise<HostTensor<"float32">>;
  /** What the model gives of the same texts with this activation. */
  readonly after: (texts: readonly EncodedText[], activation: HostTensor<"float32">) => Promise<HostTensor<"float32">>;
  readonly release: () => Promise<void>;
}

/** Outputs that are measured where nobody names one. */
const usualOutputs = ["logits", "sentence_embedding", "text_embeds", "embeddings", "pooler_output"];

interface Cut {
  readonly at: string;
  readonly output?: string | undefined;
  readonly threads?: number | undefined;
  /** Names of inputs that every text brings itself. */
  readonly brought: readonly string[];
}

/** @throws {ConfigError} for a place or an output that is not there, and one of another width than the SAE's. */
export async function openHalves(model: LanguageModel, sae: OpenSae, cut: Cut): Promise<Halves> {
  const { threads, brought } = cut;
  const output = outputOf(model, cut.output);
  const { file } = model;
  const { inputDim } = sae.attachable;
  const [tap] = tapsCalled(model, [cut.at]);
  const value = valueAt(tap!.hook, cut.at);
  const attached = attach(model, sae, { tensor: value, outputs: [], fed: true, width: inputDim });
  const fed = attached.inputs[0]!;
  const upper = { ...networkOf(decodeModel(attached.bytes, file), attached.bytes, file), bytes: attached.bytes };
  const first = await openTapped(model, [tap!], { threads, brought });
  const second = await openTapped(upper, [], { keep: [output], threads, brought: [...brought, fed] });
  if (!second.inputs.some(({ name }) => name === fed))
    throw new ConfigError(
      `${file}: its output ${output} does not depend on ${tap!.name}; name another place with --at`,
    );
  return {
    ...{ at: tap!.name, output, cautions: attached.cautions, fills: first.fills && second.fills },
    async before(texts) {
      const { taps, batch } = await first.run(texts);
      const found = taps[tap!.name]!;
      const { dims } = found;
      if (dims.length !== 3 || dims[0] !== batch.texts || dims[1] !== batch.length)
        throw new ConfigError(
          `${tap!.name}: is [${dims.join(", ")}] for ${batch.texts} texts of ${batch.length} tokens, it has no row for each token; harvest --list names values that have`,
        );
      if (dims[2] !== inputDim)
        throw new ConfigError(`${sae.file}: takes activations ${inputDim} wide, ${tap!.name} is ${dims[2]} wide`);
      return found;
    },
    async after(texts, { dims, data }) {
      const [, length, width] = dims as [number, number, number];
      const own = texts.map((text, i) => ({
        ...text,
        inputs: {
          ...text.inputs,
          [fed]: tensor("float32", [length, width], data.subarray(i * length * width, (i + 1) * length * width)),
        },
      }));
      return floats(
        (await second.run(own)).outputs[output]!,
        `${file}: output ${output}`,
        "name another with --output",
      );
    },
    async release() {
      await first.release();
      await second.release();
    },
  };
}

function outputOf({ model, file }: LanguageModel, named: string | undefined): string {
  const names = (model.graph?.output ?? []).map(({ name }) => name ?? "");
  const found = (named === undefined ? usualOutputs : [named]).find((name) => names.includes(name));
  if (found !== undefined) return found;
  const some = `${names.slice(0, 6).join(", ")}${names.length > 6 ? ` and ${names.length - 6} more` : ""}`;
  throw new ConfigError(
    named === undefined
      ? `${file}: has no output logits, and none that is known as a sentence's vector; it has ${some}: name one with --output`
      : `--output ${named}: ${file} has ${some}`,
  );
}
