import type { InferenceSession as OrtSession, Tensor as OrtTensor } from "onnxruntime-common";
import { ConfigError, RuntimeFailure } from "../util/errors.ts";
import { type DType, type HostTensor, sizeOf, tensor } from "../util/tensor.ts";

export type { OrtTensor };

/** Tensors by name. */
export type Tensors = Readonly<Record<string, HostTensor>>;

/** A model ready to run. A run blocks its thread until it is done. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the model once. Feeds that the model has no input for are ignored: a graph that reads part of the state may get all of
   * it. A carried input that is not fed has the value the last run left. Carried outputs are not among the results.
   * @throws {ConfigError} for a missing input.
   * @throws {RuntimeFailure} when ONNX Runtime fails, naming the place in the graph.
   */
  run(feeds: Tensors): Promise<Record<string, HostTensor>>;
  /** The carried inputs as the last run left them, copied to the host; empty before the first. */
  carried(): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

/** A model's message, and the files its large weights are in, if any (`packModel` gives it). */
export interface ModelBytes {
  readonly bytes: Uint8Array;
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** The folder of files that large weights are mapped from; in Node only. Default: none. */
  readonly folder?: string;
}

/** How a session is opened. */
export interface SessionOptions {
  /** Threads inside an op; default: as many as the machine has cores. */
  readonly threads?: number | undefined;
  /** Outputs that stay where they were computed and become inputs of the next run: input names by output names. Default: none. */
  readonly carried?: Readonly<Record<string, string>> | undefined;
  /** Whether constant weights may be packed beforehand: faster, with other last digits. Default: false. */
  readonly prepack?: boolean | undefined;
}

/** One way to run models. */
export interface Runtime {
  readonly provider: string;
  /** @throws {RuntimeFailure} when ONNX Runtime refuses the model. */
  open(model: ModelBytes, options?: SessionOptions): Promise<Session>;
}

/** What onnxruntime-node and onnxruntime-web have in common. */
export interface Ort {
  readonly InferenceSession: {
    create(model: Uint8Array, options: OrtSession.SessionOptions): Promise<OrtSession>;
  };
  readonly Tensor: new (type: OrtTensor.Type, data: OrtTensor.DataType, dims: readonly number[]) => OrtTensor;
}

/** Prints fatal messages only: errors are thrown anyway. */
export const quiet = { logSeverityLevel: 4 } as const;

/** Options of every session. */
export const common = { graphOptimizationLevel: "all", ...quiet } as const;

/** Options on a GPU: a node that is placed elsewhere is an error. */
export const onGpuOnly = { ...common, extra: { session: { disable_cpu_ep_fallback: "1" } } } as const;

/** How a package carries tensors from run to run. */
export interface Carrying {
  readonly carried?: SessionOptions["carried"];
  /** Whether they stay on the device; default: on the host. */
  readonly onDevice?: boolean;
  /** Copies a tensor of the device to the host. */
  readonly read?: (x: OrtTensor) => Promise<Pick<OrtTensor, "type" | "dims" | "data">>;
}

/** Opens a session on either package. */
export async function openSession(
  ort: Ort,
  model: ModelBytes,
  options: OrtSession.SessionOptions,
  { carried = {}, onDevice = false, read = async (x) => x }: Carrying = {},
): Promise<Session> {
  const externalData = model.external.length > 0 ? { externalData: model.external } : {};
  const places = Object.fromEntries(Object.keys(carried).map((output) => [output, "gpu-buffer"] as const));
  const preferred = onDevice && Object.keys(carried).length > 0 ? { preferredOutputLocation: places } : {};
  const session = await ort.InferenceSession.create(model.bytes, { ...options, ...externalData, ...preferred }).catch(
    (error: unknown) => {
      throw explain("refused the model", error);
    },
  );
  const held = new Map<string, OrtTensor>();
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const given: Record<string, OrtTensor> = {};
      for (const name of session.inputNames) {
        const value = feeds[name];
        const own = value ? new ort.Tensor(value.dtype, value.data as OrtTensor.DataType, value.dims) : held.get(name);
        if (!own)
          throw new ConfigError(`run: input "${name}" is missing; the model takes ${session.inputNames.join(", ")}`);
        given[name] = own;
      }
      const results = await session.run(given, quiet).catch((error: unknown) => {
        throw explain("failed", error);
      });
      for (const [output, input] of Object.entries(carried)) {
        held.get(input)?.dispose();
        held.set(input, results[output]!);
      }
      const returned = session.outputNames.filter((name) => !(name in carried));
      return Object.fromEntries(returned.map((name) => [name, fromOrt(results[name]!)]));
    },
    async carried() {
      const found: Record<string, HostTensor> = {};
      for (const [name, value] of held) found[name] = fromOrt(value.location === "cpu" ? value : await read(value));
      return found;
    },
    release() {
      for (const value of held.values()) value.dispose();
      held.clear();
      return session.release();
    },
  };
}

/** A tensor of ours. Data are cut to the shape: those of an empty tensor may arrive longer. */
function fromOrt(value: Pick<OrtTensor, "type" | "dims" | "data">): HostTensor {
  const data = value.data as unknown as HostTensor["data"];
  return tensor(value.type as DType, value.dims, data.subarray(0, sizeOf(value.dims)) as never);
}

/**
 * ONNX Runtime's error with its place in the model. Its message names the node: `Name:'encode/TopK_0'`; what stands before the
 * last slash is the scope. An error in a body names the Loop around it first, so the last name counts. The WebAssembly build
 * names no node when a kernel threw an exception.
 */
export function explain(what: string, error: unknown): RuntimeFailure {
  const text = error instanceof Error ? error.message : String(error);
  const node = [...text.matchAll(/Name:'([^']+)'|[Nn]ode[ :]*\(([^)]+)\)/g)].at(-1);
  const name = node?.[1] ?? node?.[2];
  const place = name?.includes("/")
    ? `in ${name.slice(0, name.lastIndexOf("/"))} (node ${name})`
    : name
      ? `at node ${name}`
      : "";
  // Only the innermost message, without ONNX Runtime's own source location.
  const status = text
    .replace(/^.*(Status Message|ERROR_MESSAGE): /s, "")
    .replace(/^\/\S+:\d+ /, "")
    .replace(/\s+/g, " ")
    .trim();
  return new RuntimeFailure(`ONNX Runtime ${what}${place ? ` ${place}` : ""}: ${status}`, { cause: error });
}
