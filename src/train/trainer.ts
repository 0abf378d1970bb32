import { needsTotal, type TrainConfig } from "../config/config.ts";
import { configToJson } from "../config/json.ts";
import { buildModel } from "../graph/build.ts";
import { packModel } from "../onnx/model.ts";
import type { Model } from "../onnx/proto.ts";
import { capabilitiesOf } from "../runtime/capabilities.ts";
import type { IdleSessions } from "../runtime/idleSessions.ts";
import type { Runtime, Session } from "../runtime/session.ts";
import { keptPerRow } from "../sae/spec.ts";
import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";
import { checkTrainingRows, type ResidentRows, type Rows, residentOf, shapesOf } from "./rows.ts";
import type { Batches } from "./runs/batches.ts";
import { bySize, type Divider } from "./runs/divide.ts";
import { initialState, stateBytes, stateShapes, type TrainState } from "./state.ts";
import type { HostSide } from "./steps/form.ts";
import { steps } from "./steps/index.ts";
import { type WrapperName, wrappers } from "./wrappers/index.ts";

/** Keys of a configuration that the host decides. The graph does not depend on them. */
const ofTheHost: readonly string[] = [
  ...["epochs", "seed", "shuffle_rows", "retire", "init_from", "max_row_norm", "resample_every", "calibrate"],
];

/**
 * The training graph of a configuration. The whole state goes in and comes out. A run trains many steps; with wrapper `single`, one.
 * The same arguments always give the same graph.
 * @throws {ConfigError} when the wrapper cannot run the configuration's step form.
 */
export function trainingGraph(config: TrainConfig, wrapper: WrapperName = "loop"): Model {
  checkForm(config, wrapper);
  const model = wrappers[wrapper].model(config, steps[config.step]);
  return buildModel({ ...model, metadata: { config: describedIn(config), wrapper } });
}

/** What a training graph depends on, and says of itself. */
function describedIn(config: TrainConfig): string {
  const described = Object.entries(configToJson(config)).filter(([key]) => !ofTheHost.includes(key));
  return JSON.stringify(Object.fromEntries(described));
}

/** The most bytes of a state whose session is kept for the next training of the same graph. */
const smallState = 2 ** 21;

function checkForm(config: TrainConfig, wrapper: WrapperName): void {
  const { step } = config;
  if (needsTotal(config) && config.totalSteps === undefined)
    throw new ConfigError("a schedule depends on the steps of the whole training; say totalSteps (--total-steps)");
  if (config.sparsityWarmup > 0 && keptPerRow(config) !== undefined && wrappers[wrapper].fixedShapes)
    throw new ConfigError(
      `sparsityWarmup changes k from step to step, and wrapper ${wrapper} has fixed shapes; leave it out, or use provider cpu or wasm`,
    );
  if (steps[step].grows && wrappers[wrapper].fixedShapes)
    throw new ConfigError(
      `step ${step} carries rows that grow, which wrapper ${wrapper} cannot; use step dense, or provider cpu or wasm`,
    );
}

/** @throws {ConfigError} when a state lacks a tensor of the configuration, has another one, or has one of another shape. */
function checkState(config: TrainConfig, state: TrainState): void {
  const shapes = stateShapes(config);
  for (const name of new Set([...Object.keys(shapes), ...Object.keys(state)])) {
    const [wanted, found] = [shapes[name], state[name]?.dims];
    if (wanted?.join() !== found?.join())
      throw new ConfigError(
        `state: ${name} is ${found ? `[${found.join(", ")}]` : "missing"}, the configuration needs ${wanted ? `[${wanted.join(", ")}]` : "none"}; go on with the configuration it was trained with`,
      );
  }
}

/** A training in progress: a session and the state. Use `train` unless you need single runs. */
export class Trainer {
  readonly config: TrainConfig;
  #session: Session;
  #wrapper: WrapperName;
  #rows: ResidentRows | undefined;
  #host: HostSide;
  #carrying = false;

  private constructor(
    config: TrainConfig,
    session: Session,
    wrapper: WrapperName,
    rows: ResidentRows | undefined,
    host: HostSide,
  ) {
    this.config = config;
    this.#session = session;
    this.#wrapper = wrapper;
    this.#rows = rows;
    this.#host = host;
  }

  /**
   * Opens a session on the training graph.
   * `wrapper` is the provider's own by default. `state` is where to go on from; by default it is the state before the first step.
   * `sessions` are those that earlier trainings left; small ones are taken from there and given back.
   * Without activations, `state` is needed, and every run must be given its own activations.
   * @throws {ConfigError} when the activations have another width than the configuration, or fewer rows than a batch.
   */
  static async open(
    runtime: Runtime,
    config: TrainConfig,
    given: Rows | undefined,
    {
      state,
      threads,
      wrapper = capabilitiesOf(runtime.provider).wrapper,
      sessions,
    }: {
      state?: TrainState | undefined;
      threads?: number | undefined;
      wrapper?: WrapperName;
      sessions?: IdleSessions | undefined;
    } = {},
  ): Promise<Trainer> {
    const rows = given && residentOf(given);
    if (rows) checkTrainingRows(config, shapesOf(rows));
    else if (!state) throw new ConfigError("Trainer.open: needs activations or a state; give one of them");
    if (state) checkState(config, state);
    const { carriesState } = wrappers[wrapper];
    const carried = carriesState
      ? Object.fromEntries(Object.keys(stateShapes(config)).map((name) => [`${name}_next`, name]))
      : {};
    const opened = () => runtime.open(packModel(trainingGraph(config, wrapper)), { threads, carried });
    const isKept = sessions && !carriesState && stateBytes(config) <= smallState;
    const key = () => [runtime.provider, wrapper, threads, describedIn(config)].join();
    const session = isKept ? await sessions.take(key(), opened) : await opened();
    const from = state ?? initialState(config, rows!);
    return new Trainer(config, session, wrapper, rows, hostOf(config, from));
  }

  /** All state in canonical dense form. */
  get state(): TrainState {
    return this.#host.state;
  }

  /** Goes on from another state of the same shapes. */
  replace(state: TrainState): void {
    checkState(this.config, state);
    this.#host = hostOf(this.config, state);
    this.#carrying = false;
  }

  /**
   * How this training is divided into runs, when sizes decide it. `undefined` when time may decide. `isBegin` says whether the batches
   * begin the training, though some of them may be trained already.
   */
  divider(stepsPerEpoch: number, isBegin = () => false): Divider | undefined {
    return steps[this.config.step].host && bySize(this.config, stepsPerEpoch, () => isBegin() || this.#host.isFirst);
  }

  /**
   * Trains on some batches and gives the loss of each step, taken before its update.
   * The batches may become several runs. Each run blocks the thread.
   */
  async run(batches: Batches, given: Rows | undefined = this.#rows): Promise<Float32Array> {
    const rows = given && residentOf(given);
    if (!rows) throw new ConfigError("Trainer.run: opened without activations, each run needs its own");
    const losses: number[] = [];
    const runs = this.divider(batches.bounds.length)?.runs(batches) ?? [batches];
    for (const run of runs) losses.push(...(await this.#runOnce(run, rows)));
    return Float32Array.from(losses);
  }

  async #runOnce(batches: Batches, rows: ResidentRows): Promise<Float32Array> {
    const { feeds, carriesState } = wrappers[this.#wrapper];
    const losses = new Float32Array(batches.bounds.length);
    let at = 0;
    let next: Readonly<Record<string, HostTensor>> = {};
    for (const batch of feeds(batches, { ...rows, batchSize: this.config.batchSize })) {
      // A session that carries the state takes it once only.
      const state = this.#carrying ? {} : this.#host.feeds();
      const { loss, ...rest } = await this.#session.run({ ...batch, ...state });
      losses.set(loss!.data as Float32Array, at);
      at += loss!.data.length;
      next = rest;
      this.#carrying = carriesState;
    }
    const left = carriesState ? await this.#session.carried() : next;
    const given = Object.entries(left).map(([name, value]) => [name.replace(/_next$/, ""), value] as const);
    this.#host.collect(Object.fromEntries(given));
    return losses;
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

const hostOf = (config: TrainConfig, state: TrainState): HostSide =>
  steps[config.step].host?.(config, state) ?? new WholeState(state);

/** The host's side of a step form that takes and gives the canonical state. */
class WholeState implements HostSide {
  state: TrainState;
  readonly isFirst = false;

  constructor(state: TrainState) {
    this.state = state;
  }

  feeds(): TrainState {
    return this.state;
  }

  collect(given: Readonly<Record<string, HostTensor>>): void {
    this.state = Object.fromEntries(
      Object.keys(this.state).map((name) => [name, given[name] as HostTensor<"float32">]),
    );
  }
}
