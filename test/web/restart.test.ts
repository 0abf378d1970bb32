import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { train } from "../../src/api/browser.ts";
import { trainConfig } from "../../src/config/config.ts";
import { tensor } from "../../src/util/tensor.ts";
import { Renewed } from "../../src/web/renewed.ts";
import { SaeWorker } from "../../src/worker/client.ts";
import type { FromWorker, ToWorker } from "../../src/worker/messages.ts";
import { progressOf } from "../../src/worker/words.ts";

/** What a worker's training is asked to go on from. */
const asked: unknown[] = [];

/** A Worker that opens, and fails at everything else with the message it is given; or says nothing at all. */
class FakeWorker {
  static made: FakeWorker[] = [];
  static failure: string | undefined;
  onmessage: ((event: { data: FromWorker }) => void) | undefined;
  onerror: ((event: { message: string }) => void) | undefined;
  ended = false;
  constructor() {
    FakeWorker.made.push(this);
  }
  postMessage({ id, call }: ToWorker) {
    const { failure } = FakeWorker;
    const answer = (data: FromWorker) => queueMicrotask(() => this.onmessage?.({ data }));
    if (call === "open") answer({ id, gives: { provider: "wasm", threads: 1 } });
    else if (failure !== undefined) answer({ id, error: { name: "Error", message: failure } });
  }
  terminate() {
    this.ended = true;
  }
}

beforeEach(() => {
  FakeWorker.made = [];
  FakeWorker.failure = undefined;
  vi.stubGlobal("Worker", FakeWorker);
});
afterEach(() => vi.unstubAllGlobals());

const start = () => SaeWorker.start({ provider: "wasm" });
const drop = (worker: SaeWorker) => worker.call("drop", { data: 1 });

test.each([
  ["A valid external Instance reference no longer exists.", "the graphics device was lost; try again, or choose"],
  ["wgpu::MapAsyncStatus value: 4, message: Device lost", "the graphics device was lost; try again, or choose"],
  ["Cannot read properties of undefined (reading 'destroy')", "the graphics device was lost; try again, or choose"],
  ["std::bad_alloc", "there was too little memory in this tab; close other tabs, or use fewer rows or latents"],
  ["static void SafeIntExceptionHandler<E>::SafeIntOnOverflow() Integer overflow", "there was too little memory in"],
  ["Array buffer allocation failed", "there was too little memory in this tab"],
  ["Could not find an implementation for Foo(1)", "the model has operations that ONNX Runtime does not know here"],
])("%s: says what to do", async (failure, words) => {
  const worker = await start();
  FakeWorker.failure = failure;
  await expect(drop(worker)).rejects.toMatchObject({ name: "RuntimeFailure", message: expect.stringContaining(words) });
});

test("a worker that dies fails what waits for it and what is asked of it later, rather than never answering", async () => {
  const worker = await start();
  const waiting = drop(worker);
  FakeWorker.made[0]!.onerror!({ message: "Uncaught RangeError" });
  await expect(waiting).rejects.toThrow("the worker stopped (Uncaught RangeError); try again");
  await expect(drop(worker)).rejects.toThrow("the worker stopped (Uncaught RangeError)");
});

test("a worker that was closed says so", async () => {
  const worker = await start();
  worker.close();
  await expect(drop(worker)).rejects.toThrow("the worker was closed");
});

test("one worker for all who ask; once given up it is ended, and the next who asks gets a new one", async () => {
  const renewed = new Renewed(start);
  const [a, b] = await Promise.all([renewed.get(), renewed.get()]);
  expect(a).toBe(b);
  await renewed.giveUp();
  expect(FakeWorker.made.map(({ ended }) => ended)).toEqual([true]);
  expect(await renewed.get()).not.toBe(a);
  expect(FakeWorker.made.map(({ ended }) => ended)).toEqual([true, false]);
});

test("a start that failed is tried again", async () => {
  const starts = [Promise.reject(new Error("no")), start()];
  const renewed = new Renewed(() => starts.shift()!);
  await expect(renewed.get()).rejects.toThrow("no");
  expect(await renewed.get()).toBeInstanceOf(SaeWorker);
});

describe("train", () => {
  const config = trainConfig({ inputDim: 2, latentDim: 4, options: { k: 1 }, step: "dense" });
  const rows = tensor("float32", [1, 2], new Float32Array(2));
  const reached = { state: {}, epochsDone: 3, loss: [3, 2, 1] };
  /** Keeps and drops rows; its training is lost in the first worker, and ends in the second. */
  class LosingWorker extends FakeWorker {
    override postMessage({ id, call, takes }: ToWorker) {
      const { made } = FakeWorker;
      const answer = (data: FromWorker) => queueMicrotask(() => this.onmessage?.({ data }));
      if (call === "train") asked.push(takes.from);
      const error = { name: "RuntimeFailure", message: "Device lost", progress: reached };
      if (call === "train" && made.length === 1) answer({ id, error });
      else if (call === "open") answer({ id, gives: { provider: "", threads: 1 } });
      else answer({ id, gives: { ...reached, id: 1, seconds: 1 } });
    }
  }
  beforeEach(() => {
    asked.length = 0;
    vi.stubGlobal("Worker", LosingWorker);
    vi.stubGlobal("navigator", { gpu: { requestAdapter: async () => ({}) } });
  });

  test("auto: goes on from the last epoch on WebAssembly where the device was lost, and says so", async () => {
    const { provider, note } = await train(config, rows, { provider: "auto" });
    expect(asked).toEqual([undefined, reached]);
    expect({ provider, note }).toEqual({
      provider: "wasm",
      note: "WebAssembly after epoch 3, as the graphics device was lost",
    });
    expect(FakeWorker.made.map(({ ended }) => ended)).toEqual([true, true]);
  });

  test("webgpu, as asked: fails, with where to go on from", async () => {
    const error = await train(config, rows, { provider: "webgpu" }).catch((one) => one);
    expect(error.message).toMatch(/^the graphics device was lost; try again, or choose WebAssembly/);
    expect(progressOf(error)).toEqual(reached);
  });
});
