/** @file How a grid uses the machine: how many SAEs train side by side, and with how many threads each. */
import { capabilities, type ProviderName } from "../../runtime/capabilities.ts";

/** What there is to do, and what machine and user allow. */
export interface Work {
  readonly provider: ProviderName;
  /** SAEs left to train. */
  readonly cells: number;
  readonly cores: number;
  /** SAEs whose training fits in memory side by side, and what that memory is called. */
  readonly room: number;
  readonly memory: string;
  /** SAEs side by side and threads each, as the user gave them. */
  readonly jobs?: number | undefined;
  readonly threads?: number | undefined;
  /** Threads of the SAEs that are there, which go on or belong to the same grid. */
  readonly begun?: number | undefined;
}

/** SAEs side by side, and threads inside an op of each. */
export interface Share {
  readonly jobs: number;
  readonly threads: number;
}

/** Whether the number of threads has an effect on a provider: a GPU's sums do not depend on it. */
export const countsThreads = (provider: ProviderName): boolean => capabilities[provider].wrapper === "loop";

/** Processes that share a GPU at most. */
const jobsOnGpu = 4;

/**
 * Several SAEs of one thread each are quicker than one after another on all cores: most ops of a step are too small to share. So each has
 * one thread where there are as many SAEs as cores, and with fewer its part of the cores. WebAssembly is no quicker with more threads.
 *
 * The number of threads changes the last digits. So it is decided once, from what is left to train at the start, and neither memory
 * nor `jobs` changes it.
 */
export function shareOut({ provider, cells, cores, room, jobs, threads, begun }: Work): Share {
  const each = threads ?? begun ?? (provider === "cpu" ? Math.max(1, Math.floor(cores / cells)) : 1);
  const most = Math.max(1, Math.floor(cores / each));
  const wanted = jobs ?? (countsThreads(provider) ? most : Math.min(jobsOnGpu, most));
  return { jobs: Math.min(wanted, cells, room), threads: each };
}

/** A share in one sentence, with the reason where it leaves cores idle that it could use, or asks for more than there are. */
export function shareSentence(work: Work, { jobs, threads }: Share): string {
  const { provider, cells, cores, room, memory } = work;
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const beside = cells === 1 ? "" : `${jobs} at a time, `;
  const each = cells === 1 ? "" : " each";
  const on = countsThreads(provider)
    ? `${count(threads, "thread")}${each}, on ${count(cores, "core")}`
    : `on ${provider}`;
  const free = { ...work, room: Number.POSITIVE_INFINITY, begun: undefined };
  const reasons = [
    ...(work.threads === undefined && work.begun !== undefined && threads !== shareOut(free).threads
      ? [`as it began, --threads ${shareOut(free).threads} uses the cores`]
      : []),
    ...(jobs === room && jobs < shareOut({ ...work, room: free.room }).jobs ? [`no more fit in ${memory}`] : []),
    ...(countsThreads(provider) && jobs * threads > cores ? ["more threads than cores, which is slower"] : []),
  ];
  return [`${count(cells, "SAE")} to train: ${beside}${on}`, ...reasons].join("; ");
}
