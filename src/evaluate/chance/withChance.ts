import { unitRows } from "../../data/synthetic/unitRows.ts";
import { packModel } from "../../onnx/model.ts";
import type { IdleSessions } from "../../runtime/idleSessions.ts";
import type { Runtime, SessionOptions } from "../../runtime/session.ts";
import { random } from "../../util/random.ts";
import { type Evaluation, type EvaluationData, meanRow } from "../evaluate.ts";
import { frozenEncoderError } from "./frozenEncoder.ts";
import type { OpenModel } from "./open.ts";
import { randomDictionaryError } from "./randomDictionary.ts";
import { centre, firstRows, spreadOf, withoutHeavy } from "./rows.ts";

/** Rows the frozen encoder's decoder is fitted to, and rows that are judged: at most so many. */
const [mostFitted, mostJudged] = [8192, 2048];
/** Dictionaries larger than this are not compared: products of all pairs of latents are needed. */
const mostLatents = 8192;
/** Matching pursuit looks at this many numbers at most; of more, fewer rows are judged, but not fewer than 256. */
const mostWork = 1e9;

/** What chance gives, by the keys of the metrics files. */
type Chance = Readonly<
  Record<"random_decoder_explained_variance_centered" | "frozen_encoder_explained_variance_centered", number | null>
>;

/** Matrices up to so many numbers are small: sessions that have seen no larger one are used again. */
const smallMatrix = 2 ** 20;

/** How the sessions of the two are opened. */
export interface ChanceOptions extends Pick<SessionOptions, "threads"> {
  /** Sessions that earlier comparisons left. Default: none is kept. */
  readonly sessions?: IdleSessions | undefined;
}

/** Known already, for SAEs of one size and sparsity on the same data. */
const known = new WeakMap<EvaluationData, Map<string, Promise<Chance>>>();

/**
 * The evaluation with what an SAE of the same size and L0 explains that has learnt one half only, or nothing: a random dictionary, and a
 * random encoder with the best decoder for it. Nothing for transcoders, for dictionaries above 8,192 latents, and where there are no rows.
 */
export async function withChance(
  runtime: Runtime,
  evaluation: Evaluation,
  data: EvaluationData,
  options: ChanceOptions = {},
): Promise<Evaluation> {
  const { metrics, nullReasons, splits, latentDim, outputDim } = evaluation;
  const l0 = metrics.l0_mean;
  const rows = Math.min(data.train.dims[0]!, data.validation.dims[0]!);
  if (outputDim !== undefined || latentDim > mostLatents || rows < 2 || l0 == null) return evaluation;
  const k = Math.min(Math.max(1, Math.round(l0)), latentDim);
  const all = known.get(data) ?? new Map<string, Promise<Chance>>();
  known.set(data, all);
  const key = `${latentDim}/${k}`;
  const found = all.get(key) ?? chanceOf(runtime, data, { latentDim, k }, options);
  all.set(key, found);
  const chance = await found;
  const measuredOn = Object.fromEntries(Object.keys(chance).map((name) => [name, "validation"] as const));
  const missing = Object.entries(chance).filter(([, value]) => value === null);
  return {
    ...evaluation,
    metrics: { ...metrics, ...chance },
    nullReasons: { ...nullReasons, ...Object.fromEntries(missing.map(([name]) => [name, "all rows are equal"])) },
    splits: { ...splits, ...measuredOn },
  };
}

async function chanceOf(
  runtime: Runtime,
  data: EvaluationData,
  { latentDim, k }: { readonly latentDim: number; readonly k: number },
  { threads, sessions }: ChanceOptions,
): Promise<Chance> {
  const judged = Math.max(256, Math.min(mostJudged, Math.floor(mostWork / (latentDim * k))));
  const [first, validation] = [await firstRows(data.train, mostFitted), await firstRows(data.validation, judged)];
  const width = first.dims[1]!;
  const ofAll = await meanRow(first, width);
  const train = withoutHeavy(first, ofAll);
  const mean = train === first ? ofAll : await meanRow(train, width);
  // A share of the variance has no scale: rows of a length that float32 can square.
  const scale = Math.sqrt(spreadOf(train, mean) / train.dims[0]!) || 1;
  for (const rows of [train, validation]) centre(rows, mean, scale);
  const variance = spreadOf(validation, await meanRow(validation, width));
  const directions = unitRows(latentDim, width, random(0, "chance/directions"));
  const isSmall = latentDim * Math.max(latentDim, train.dims[0]!, validation.dims[0]!) <= smallMatrix;
  const open: OpenModel = (name, model) => {
    const opened = () => runtime.open(packModel(model()), { threads });
    return sessions && isSmall ? sessions.take([runtime.provider, threads, "chance", name].join(), opened) : opened();
  };
  const share = (error: number) => (variance > 0 ? 1 - error / variance : null);
  return {
    random_decoder_explained_variance_centered: share(await randomDictionaryError(open, validation, directions, k)),
    frozen_encoder_explained_variance_centered: share(
      await frozenEncoderError(open, { train, validation }, directions, k),
    ),
  };
}
