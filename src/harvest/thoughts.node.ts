/**
 * @file Continuous thoughts: after the last token of a text the last hidden state goes back as the next embedding, some times over. Source:
 * Hao et al. 2024, Training large language models to reason in a continuous latent space (Coconut); Shen et al. 2025, CODI.
 */
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { float32ToHalf } from "../data/half.ts";
import { usableRuntime } from "../runtime/providers.node.ts";
import type { Session } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";
import { floats } from "./floats.ts";
import { batchOf, declaredInputs, feedsOf } from "./inputs.ts";
import { type LanguageModel, openLanguageModel, openTapped, type Tap, tapsCalled } from "./model.node.ts";
import type { PlaceRows, RowReader } from "./rows.ts";
import type { EncodedText } from "./text/texts.node.ts";

/** How thoughts are made. */
export interface Thoughts {
  /** How many. */
  readonly count: number;
  /** The .onnx that turns ids into embeddings. */
  readonly embeddings: string;
  /** An .onnx that a hidden state passes before it is an embedding. Default: none. */
  readonly projection?: string | undefined;
  /** The value that is the last hidden state. Default: the output `last_hidden_state`. */
  readonly from?: string | undefined;
}

/** Reads the rows of thoughts: position i is the i-th thought as the model is given it. */
export interface Thinker {
  readonly read: RowReader<EncodedText>;
  readonly release: () => Promise<void>;
}

const embedded = "inputs_embeds";

/**
 * The model with its thoughts at some places read. All texts of a run have one length.
 * @throws {ConfigError} for a model that takes no embeddings, and files that do not go together.
 */
export async function openThinker(
  model: LanguageModel,
  taps: readonly Tap[],
  { count, embeddings, projection, from = "last_hidden_state" }: Thoughts,
  threads?: number,
): Promise<Thinker> {
  if (!model.model.graph?.input?.some(({ name }) => name === embedded))
    throw new ConfigError(
      `${model.file}: has no input ${embedded}, so no thought can be fed; export the model with it`,
    );
  const [last] = tapsCalled(model, [from]);
  const hidden: Tap = { ...last!, name: "last hidden state" };
  const embed = await openSmall(embeddings, threads);
  const project = projection === undefined ? undefined : await openSmall(projection, threads);
  const tapped = await openTapped(model, [...taps, hidden], { threads, brought: [embedded] });
  const { dtype } = tapped.inputs.find(({ name }) => name === embedded)!;

  /** Hidden states `[texts, width]` as the embeddings that come next. */
  const next = async (states: HostTensor<"float32">) => (project ? project(states) : states);

  return {
    async read(texts) {
      const start = floats(await embed.ids(texts), `${embeddings}: its output`, "name another with --embeddings");
      const [, length, width] = start.dims as [number, number, number];
      let all = Array.from(texts, (_, text) => start.data.subarray(text * length * width, (text + 1) * length * width));
      const rows = new Map<string, Float32Array[]>();
      for (let thought = -1; thought < count; thought++) {
        const now = length + thought + 1;
        const fed = texts.map((text, i) => ({
          ...text,
          ids: new Int32Array(now),
          inputs: {
            [embedded]: tensor(dtype, [now, width], (dtype === "float16" ? float32ToHalf(all[i]!) : all[i]!) as never),
          },
        }));
        const { taps: given } = await tapped.run(fed);
        const lastRow = (name: string) => {
          const { data, dims } = given[name]!;
          const own = dims.at(-1)!;
          return {
            own,
            rowOf: (text: number) => data.subarray((text * now + now - 1) * own, (text * now + now) * own),
          };
        };
        if (thought >= 0)
          for (const { name } of taps) {
            const { rowOf } = lastRow(name);
            rows.set(name, [...(rows.get(name) ?? []), ...texts.map((_, text) => rowOf(text).slice())]);
          }
        if (thought === count - 1) break;
        const { own, rowOf } = lastRow(hidden.name);
        const states = new Float32Array(texts.length * own);
        for (let text = 0; text < texts.length; text++) states.set(rowOf(text), text * own);
        const thoughts = floats(
          await next(tensor("float32", [texts.length, own], states)),
          `${projection ?? model.file}: its output`,
          "name another with --projection",
        );
        if (thoughts.data.length !== texts.length * width)
          throw new ConfigError(
            `${projection ?? model.file}: gives thoughts [${thoughts.dims.join(", ")}], the model is fed embeddings ${width} wide; name a --projection between them`,
          );
        all = all.map((one, text) => {
          const longer = new Float32Array(one.length + width);
          longer.set(one);
          longer.set(thoughts.data.subarray(text * width, (text + 1) * width), one.length);
          return longer;
        });
      }
      return (name): PlaceRows => {
        const own = rows.get(name)!;
        return { width: own[0]!.length, rowAt: (text, thought) => own[thought * texts.length + text]! };
      };
    },
    async release() {
      await tapped.release();
      await embed.release();
      await project?.release();
    },
  };
}

/** A small model of one float input or of ids. It is called with states; `ids` calls it with texts. */
async function openSmall(file: string, threads: number | undefined) {
  const { bytes, model } = await openLanguageModel(file);
  const session: Session = await (await usableRuntime("cpu")).open(
    { bytes, external: [], folder: dirname(await realpath(file)) },
    { threads, prepack: true },
  );
  const inputs = declaredInputs(model, session.inputNames, file);
  const output = session.outputNames[0]!;
  const call = async (states: HostTensor<"float32">): Promise<HostTensor> => {
    const [input] = inputs;
    const { data, dims } = states;
    const shape = input!.shape?.length === 3 ? [dims[0]!, 1, dims[1]!] : dims;
    const own =
      input!.dtype === "float16" ? tensor("float16", shape, float32ToHalf(data)) : tensor("float32", shape, data);
    return (await session.run({ [input!.name]: own }))[output]!;
  };
  const ids = async (texts: readonly EncodedText[]): Promise<HostTensor> => {
    const given = (await session.run(feedsOf(inputs, batchOf(texts), file)))[output]!;
    if (given.dims.length !== 3)
      throw new ConfigError(`${file}: gives [${given.dims.join(", ")}], embeddings are [texts, length, width]`);
    return given;
  };
  return Object.assign(call, { ids, release: () => session.release() });
}
