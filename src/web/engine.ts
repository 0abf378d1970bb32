import { type SaeWorker, type WorkerOptions, SaeWorker as Workers } from "../browser.ts";
import { at, button, messageOf, say, size } from "./dom.ts";
import { Renewed } from "./renewed.ts";

export type Provider = NonNullable<WorkerOptions["provider"]>;

/** Seconds without a word after which people are asked whether to wait on. */
const patience = 25;

/** Who hears that the worker was given up, with all it held. */
const listeners: (() => void)[] = [];
export const onRestart = (listener: () => void): void => void listeners.push(listener);

export const chosenProvider = (): Provider => at<HTMLSelectElement>("provider").value as Provider;

/** A worker for a provider; ONNX Runtime's own file is large, and its way here is told. */
export const startWorker = (provider: Provider): Promise<SaeWorker> =>
  Workers.start({
    provider,
    onLoading: ({ done, of }) =>
      say("engine", done === of ? "" : `loading ONNX Runtime: ${size(done)}${of ? ` of ${size(of)}` : ""}`),
  });

let present: SaeWorker | undefined;
const worker = new Renewed(async () => {
  const started = await startWorker(chosenProvider());
  present = started;
  const { note, threads } = started;
  at("where").textContent =
    `Computes on ${note}${note.startsWith("WebGPU") ? "" : `, ${threads} thread${threads === 1 ? "" : "s"}`}.`;
  return started;
});

/** The worker for the provider that is chosen; made when it is first needed. */
export const theWorker = (): Promise<SaeWorker> => worker.get();

/** Gives the worker up, with all it holds: after a failure, or for another provider. */
export async function restart(): Promise<void> {
  present = undefined;
  await worker.giveUp();
  for (const listener of listeners) listener();
}

/**
 * Runs some work of the worker, and says its error beside `id`. A failure in its middle may have left the worker unusable: the next is a
 * new one. What fails because another piece of work gave the worker up is tried once more. Gives whether it went well.
 */
export async function attempt(id: string, work: () => Promise<void>, again = true): Promise<boolean> {
  const mine = (latest.get(id) ?? 0) + 1;
  latest.set(id, mine);
  try {
    say(id, "");
    await work();
    return true;
  } catch (error) {
    const isClosed = messageOf(error).includes("the worker was closed");
    if (error instanceof Error && error.name === "RuntimeFailure" && !isClosed) await restart();
    if (latest.get(id) !== mine) return false;
    if (isClosed && again) return attempt(id, work, false);
    say(id, messageOf(error), true);
    return false;
  }
}

/** How often each place was asked for something: only the last may say how it went. */
const latest = new Map<string, number>();

/** Looks whether a worker still answers. Where it has not for long, a bar says so and offers to end it. */
export function watch(id: string, silence: () => number, end: () => void): void {
  const bar = at(id);
  const words = bar.querySelector("span")!;
  bar.append(button("End it", end));
  setInterval(() => {
    const seconds = silence();
    bar.hidden = seconds < patience;
    if (!bar.hidden)
      words.textContent = `No word from the worker for ${Math.round(seconds)} s: one long computation, or it is gone. `;
  }, 1000);
}

export function startEngine(): void {
  watch(
    "engine-watch",
    () => present?.silence ?? 0,
    () => void restart(),
  );
  at("provider").addEventListener(
    "change",
    () =>
      void attempt("engine", async () => {
        await restart();
        await theWorker();
      }),
  );
}
