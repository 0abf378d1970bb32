import { type ActivationSet, parseActivations } from "../data/activations.ts";
import { columnOf, describeData } from "../data/describe.ts";
import { checkFiniteRows } from "../data/finite.ts";
import { checkLabels, type Label, parseLabels } from "../data/labels.ts";
import { splitRows, takeRows } from "../data/split.ts";
import { type Truth, truthOfRows } from "../data/truth.ts";
import { evaluate, type ResidentData } from "../evaluate/evaluate.ts";
import { Explorer } from "../evaluate/explore.ts";
import { encoderWidth } from "../evaluate/frozen.ts";
import { latentsByWords } from "../evaluate/search.ts";
import { mostJudgedRows, withTruth } from "../evaluate/truth/withTruth.ts";
import { decodeModel, packModel } from "../onnx/model.ts";
import { measuredRecord, modelName } from "../record/measured.ts";
import { type BrowserSettings, mostThreads } from "../runtime/browser.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { type EpochNews, trainTelling } from "../train/news.ts";
import { ConfigError } from "../util/errors.ts";
import { tensor } from "../util/tensor.ts";
import type { CallName, Calls, FromWorker, ToWorker, WorkerError } from "./messages.ts";
import { watchWasmFile } from "./wasmFile.ts";

interface Kept {
  readonly data: ResidentData;
  readonly set?: ActivationSet;
  /** Of the validation rows. */
  readonly truth?: Truth | undefined;
  readonly labels?: readonly Label[] | undefined;
}

type Tell = (news: EpochNews) => void;
type Methods = {
  readonly [N in CallName]: (takes: Calls[N]["takes"], tell: Tell) => Promise<Calls[N]["gives"]>;
};

/** Answers the messages of a page: everything that takes long, on the runtime that `open` makes. */
export function serve(makeRuntime: (settings: BrowserSettings) => Runtime): void {
  const methods = methodsOf(makeRuntime);
  const wasmFile = watchWasmFile();
  const post = (message: FromWorker) => (postMessage as (message: unknown) => void)(message);
  self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    const { id, call, takes } = data;
    (methods[call] as (takes: unknown, tell: Tell) => Promise<unknown>)(takes, (news) => post({ id, news })).then(
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
  const explorers = new Map<number, Explorer>();
  const encoders = new Map<number, Session>();
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
      const bytes = file instanceof Uint8Array ? file : new Uint8Array(await file.arrayBuffer());
      const set = parseActivations(bytes, name, {
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
      const id = keep(sets, { data, set, truth, labels: parsed });
      const info = await describeData(set, split);
      const [layer, position] = [columnOf(set, "layer"), columnOf(set, "position")];
      return { id, rows, inputDim, info, layer, position, labelled: parsed !== undefined };
    },
    keep: async (data) => ({ id: keep(sets, { data }) }),
    async drop({ data }) {
      sets.delete(data);
      return undefined;
    },
    async labels({ data, rows }) {
      const { labels } = found(sets, data, "data set");
      return rows.map((row) => labels?.[row] ?? null);
    },
    async evaluate({ data, model: { name, bytes } }) {
      const { data: rows, truth } = found(sets, data, "data set");
      const model = decodeModel(bytes, name);
      const measured = await evaluate(opened(), model, rows, { file: name });
      const evaluation = await withTruth(opened(), model, measured, truth, rows.validation);
      return { evaluation, row: measuredRecord(modelName(name), opened().provider, evaluation) };
    },
    async explore({ data, model: { name, bytes } }) {
      const { set } = found(sets, data, "data set");
      if (!set) throw new ConfigError("explore needs activations read from a file");
      const explorer = await Explorer.open(opened(), decodeModel(bytes, name), set.activations, { file: name });
      const { latentDim, rows } = explorer;
      return { id: keep(explorers, explorer), latentDim, rows, table: explorer.table() };
    },
    async search({ explorer, data, words }) {
      const { labels } = found(sets, data, "data set");
      if (!labels)
        throw new ConfigError(
          "these activations have no texts to search; give their .labels.jsonl with them, or search by number",
        );
      return latentsByWords(found(explorers, explorer, "model").strongest(), labels, words);
    },
    latent: async ({ explorer, latent }) => found(explorers, explorer, "model").latent(latent),
    row: async ({ explorer, row }) => found(explorers, explorer, "model").row(row),
    encodeRow: ({ explorer, x }) =>
      found(explorers, explorer, "model").encode(tensor("float32", [1, x.length], x as Float32Array<ArrayBuffer>)),
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
    async train({ data, config, from }, tell) {
      const { data: rows } = found(sets, data, "data set");
      stopping = false;
      return trainTelling(opened(), config, rows.train, { from, tell, stopped: () => stopping });
    },
    async stop() {
      stopping = true;
      return undefined;
    },
  };
}
