import { readCheckpoint, writeCheckpoint } from "../checkpoint/checkpoint.ts";
import { type ActivationSet, parseActivations } from "../data/activations.ts";
import { columnOf, describeData } from "../data/describe.ts";
import { checkFiniteRows } from "../data/finite.ts";
import { checkLabels, type Label, parseLabels } from "../data/labels.ts";
import { type RowSplit, splitRows, takeRows } from "../data/split.ts";
import { type Truth, truthOfRows } from "../data/truth.ts";
import { evaluate, type ResidentData } from "../evaluate/evaluate.ts";
import { encoderWidth } from "../evaluate/frozen.ts";
import { mostJudgedRows, withTruth } from "../evaluate/truth/withTruth.ts";
import { freeze } from "../export/freeze.ts";
import { Atlas } from "../features/atlas.ts";
import { readCodesFile } from "../features/codesFile.ts";
import { featureJson } from "../features/featureJson.ts";
import { factsOf } from "../features/tokenRows.ts";
import { decodeModel, encodeModel, packModel } from "../onnx/model.ts";
import { measuredRecord, modelName } from "../record/measured.ts";
import { type BrowserSettings, mostThreads } from "../runtime/browser.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { trainTelling } from "../train/news.ts";
import { ConfigError } from "../util/errors.ts";
import { tensor } from "../util/tensor.ts";
import type { CallName, Calls, FromWorker, OpenedSae, Tells, ToWorker, WorkerError } from "./messages.ts";
import { OpenSae } from "./openSae.ts";
import { architectureChoices, planned } from "./plan.ts";
import { promotesOf } from "./promotes.ts";
import { recognised } from "./recognise.ts";
import { TextReader } from "./textReader.ts";
import { TokensOfLabels, tokenizerOf } from "./tokensOfLabels.ts";
import { watchWasmFile } from "./wasmFile.ts";

interface Kept {
  readonly data: ResidentData;
  readonly set?: ActivationSet;
  readonly split?: RowSplit;
  /** Of the validation rows. */
  readonly truth?: Truth | undefined;
  readonly labels?: readonly Label[] | undefined;
}

type Methods = {
  readonly [N in CallName]: (takes: Calls[N]["takes"], tell: (news: Tells<N>) => void) => Promise<Calls[N]["gives"]>;
};
type AnyMethod = (takes: unknown, tell: (news: unknown) => void) => Promise<unknown>;

/** Answers the messages of a page: everything that takes long, on the runtime that `open` makes. */
export function serve(makeRuntime: (settings: BrowserSettings) => Runtime): void {
  const methods = methodsOf(makeRuntime);
  const post = (message: FromWorker) => (postMessage as (message: unknown) => void)(message);
  const wasmFile = watchWasmFile((loading) => post({ loading }));
  self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    const { id, call, takes } = data;
    (methods[call] as AnyMethod)(takes, (news) => post({ id, news })).then(
      (gives) => post({ id, gives }),
      ({ name, message, stack, progress }: WorkerError) => {
        const missing = wasmFile();
        post({ id, error: missing ? { name: "ConfigError", message: missing } : { name, message, stack, progress } });
      },
    );
  };
}

function methodsOf(makeRuntime: (settings: BrowserSettings) => Runtime): Methods {
  let runtime: Runtime | undefined;
  let next = 1;
  let stopping = false;
  const sets = new Map<number, Kept>();
  const explorers = new Map<number, OpenSae>();
  const encoders = new Map<number, Session>();
  let reader: TextReader | undefined;
  const theReader = () => {
    if (!reader) throw new ConfigError("no language model is open; open one with its tokenizer.json");
    return reader;
  };
  const opened = () => {
    if (!runtime) throw new ConfigError("the worker was not opened; call open first");
    return runtime;
  };
  const found = <T>(all: ReadonlyMap<number, T>, id: number, what: string): T => {
    const one = all.get(id);
    if (one === undefined) throw new ConfigError(`there is no ${what} ${id} here; give it to the worker again`);
    return one;
  };
  const keep = <T>(all: Map<number, T>, one: T): number => {
    all.set(next, one);
    return next++;
  };

  return {
    async open(settings) {
      runtime = makeRuntime(settings);
      const threads = runtime.provider === "wasm" ? Math.min(settings.threads ?? mostThreads(), mostThreads()) : 1;
      return { provider: runtime.provider, threads };
    },
    async read({ name, file, labels, trainRows }) {
      const set = parseActivations(await bytesIn(file), name, {
        severalHint: "keep one in the file, or call the right one activations",
      });
      const split = splitRows(set, trainRows);
      const [rows, inputDim] = set.activations.dims as [number, number];
      const parsed = labels && checkLabels(parseLabels(labels.text, labels.name), rows, labels.name);
      const data = {
        train: takeRows(set.activations, split.train),
        validation: takeRows(set.activations, split.validation),
      };
      const truth = truthOfRows(set.truth, split.validation.subarray(0, mostJudgedRows));
      const id = keep(sets, { data, set, split, truth, labels: parsed });
      const info = await describeData(set, split);
      const [layer, position] = [columnOf(set, "layer"), columnOf(set, "position")];
      return { id, rows, inputDim, info, layer, position, labelled: parsed !== undefined };
    },
    recognise: async ({ name, file }) => recognised(await bytesIn(file), name),
    keep: async (data) => ({ id: keep(sets, { data }) }),
    async drop({ data }) {
      sets.delete(data);
      return undefined;
    },
    async evaluate({ data, model: { name, bytes } }) {
      const { data: rows, truth } = found(sets, data, "data set");
      const model = decodeModel(bytes, name);
      const measured = await evaluate(opened(), model, rows, { file: name });
      const evaluation = await withTruth(opened(), model, measured, truth, rows.validation);
      return { evaluation, row: measuredRecord(modelName(name), opened().provider, evaluation) };
    },
    async explore({ data, model: { name, bytes }, tokenizer }, tell) {
      const { set, split, labels } = found(sets, data, "data set");
      if (!set || !split) throw new ConfigError("explore needs activations read from a file");
      const { activations, columns } = set;
      const validation = new Uint8Array(activations.dims[0]!);
      for (const row of split.validation) validation[row] = 1;
      const tokens = tokenizer && labels ? new TokensOfLabels(tokenizerOf(tokenizer)) : undefined;
      const own = labels && tokens?.fits(labels) ? tokens : undefined;
      const plain = factsOf(labels, validation, columns, own?.vocabulary(labels!));
      const facts = own
        ? {
            ...plain,
            hasTokens: true,
            labels: (rows: ArrayLike<number>) => Array.from(rows, (row) => own.with(labels![row]!)),
          }
        : plain;
      const rows = { rows: activations, facts };
      return looked(await OpenSae.of(opened(), decodeModel(bytes, name), rows, { file: name, tell }));
    },
    async exploreCodes({ name, bytes }) {
      const { codes, rows, about } = await readCodesFile(bytes, name);
      return { ...looked(OpenSae.withoutModel(await Atlas.open(codes, rows.facts), name)), about };
    },
    async unembed({ explorer, file, tokenizer }) {
      const sae = found(explorers, explorer, "model");
      const { codes, decoder } = sae.atlas;
      sae.promotes = promotesOf({ latentDim: codes.latentDim, decoder, file: sae.file }, file, tokenizer);
      return undefined;
    },
    async latent({ explorer, latent }) {
      const { atlas, promotes } = found(explorers, explorer, "model");
      return { ...featureJson(await atlas.latent(latent), String), ...promotes?.(latent) };
    },
    snippets: async ({ explorer, latents }) => found(explorers, explorer, "model").atlas.snippets(latents),
    search: async ({ explorer, words }) => found(explorers, explorer, "model").atlas.search(words),
    async row({ explorer, row }) {
      const one = found(explorers, explorer, "model");
      return { ...(await one.atlas.row(row)), error: await one.errorOf(row) };
    },
    async encodeRow({ explorer, x }) {
      const row = tensor("float32", [1, x.length], x as Float32Array<ArrayBuffer>);
      return (await found(explorers, explorer, "model").encode(row))[0]!;
    },
    async loadEncoder({ name, bytes }) {
      const model = decodeModel(bytes, name);
      const inputDim = encoderWidth(model, name);
      return { id: keep(encoders, await opened().open(packModel(model))), inputDim };
    },
    async encode({ encoder, activations }) {
      checkFiniteRows(activations, "activations");
      return found(encoders, encoder, "encoder").run({ activations });
    },
    async close({ encoder, explorer }) {
      await (encoder === undefined ? undefined : encoders.get(encoder)?.release());
      await (explorer === undefined ? undefined : explorers.get(explorer)?.release());
      encoders.delete(encoder ?? 0);
      explorers.delete(explorer ?? 0);
      return undefined;
    },
    choices: async () => architectureChoices(),
    plan: async (request) => planned(request),
    async train({ data, config, from, keepSeconds, secondsPerRun }, tell) {
      const { data: rows } = found(sets, data, "data set");
      stopping = false;
      let kept = performance.now();
      const telling = trainTelling(opened(), config, rows.train, {
        ...{ from, secondsPerRun },
        tell(news, { epochsDone, loss, state }) {
          const due = keepSeconds !== undefined && performance.now() - kept > 1000 * keepSeconds;
          if (due) kept = performance.now();
          tell(due ? { ...news, progress: { epochsDone, loss, state } } : news);
        },
        stopped: () => stopping,
      });
      return telling;
    },
    async stop() {
      stopping = true;
      return undefined;
    },
    async files({ config, progress, digest, layer, position, metrics }) {
      const { state: tensors, epochsDone, loss } = progress;
      const checkpoint = { config, tensors, epochsDone, loss, dataDigest: digest, layer, position, metrics };
      return {
        encoder: encodeModel(freeze(checkpoint, "encoder")),
        autoencoder: encodeModel(freeze(checkpoint, "autoencoder")),
        checkpoint: writeCheckpoint(checkpoint),
      };
    },
    async openTexts({ model, tokenizer }) {
      await reader?.release();
      reader = TextReader.open(opened(), model, tokenizer);
      return { places: reader.places, ending: reader.ending ?? null };
    },
    harvest: async ({ at, texts }, tell) => theReader().harvest(at, texts, tell),
    async readText({ sae, at, text, push, compare }, tell) {
      if (compare && theReader().ending === "sentence_embedding") await theReader().embed(compare, tell);
      return theReader().read(sae, at, text, push);
    },
    async generate({ sae, at, text, count, push }, tell) {
      let whole = "";
      for await (whole of theReader().generate(sae, at, text, count, push)) {
        tell({ text: whole });
        // A page hears of each token as it comes.
        await new Promise((resolve) => setTimeout(resolve));
      }
      return whole;
    },
    async checkpoint({ name, bytes }) {
      const { config, tensors, epochsDone, loss, dataDigest, layer, position } = readCheckpoint(bytes, name);
      return { config, progress: { state: tensors, epochsDone, loss }, digest: dataDigest, layer, position };
    },
  };

  function looked(sae: OpenSae): OpenedSae {
    const { codes, facts } = sae.atlas;
    const { latentDim, rows } = codes;
    const texts = facts.texts ? facts.texts.starts.length - 1 : null;
    return {
      id: keep(explorers, sae),
      latentDim,
      rows,
      texts,
      labelled: facts.labels !== undefined,
      list: sae.atlas.list(),
    };
  }
}

const bytesIn = async (file: Blob | Uint8Array): Promise<Uint8Array> =>
  file instanceof Uint8Array ? file : new Uint8Array(await file.arrayBuffer());
