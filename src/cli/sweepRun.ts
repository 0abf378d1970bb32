/** @file What `sweep` and `train --by` do with what they were asked. */

import type { GridProgress } from "../pipeline/grid/request.ts";
import { logsOf } from "../pipeline/log/index.node.ts";
import type { LogName } from "../pipeline/log/names.ts";
import { defaultMemory } from "../pipeline/memory.ts";
import { measureCost, type SweepCost } from "../pipeline/sweep/cost.node.ts";
import { groupInWords, openGroups } from "../pipeline/sweep/groups.node.ts";
import { StatusWriter } from "../pipeline/sweep/status.node.ts";
import { planSweep, type Shard, type SweepPlan, trainSweep } from "../pipeline/sweep/sweep.node.ts";
import type { ProviderName } from "../runtime/capabilities.ts";
import { bytesInWords } from "../util/bytes.ts";
import { ConfigError } from "../util/errors.ts";
import { interruptible } from "./interrupt.ts";
import { boxed, note, print } from "./output.ts";
import { gridDisplay } from "./progress.ts";
import { configsOfKinds, type SweepAsked } from "./sweepConfig.ts";

/** How a sweep uses the machine. */
export interface SweepUse {
  readonly provider: ProviderName;
  readonly threads?: number | undefined;
  readonly jobs?: number | undefined;
  readonly memory: number | undefined;
  readonly shard?: Shard | undefined;
  readonly keepState?: boolean | undefined;
  readonly snapshotSeconds?: number | undefined;
  readonly logs: readonly LogName[];
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Looks at data and configuration. @throws {ConfigError} for what cannot be trained; nothing is written. */
export async function planAsked(
  asked: SweepAsked,
  use: SweepUse,
  signal?: AbortSignal,
  onProgress?: (progress: GridProgress) => void,
): Promise<{ plan: SweepPlan; status: StatusWriter }> {
  const data = await openGroups(asked.data, use.memory ?? defaultMemory);
  const configs = configsOfKinds(asked.kinds, { ...data, provider: use.provider });
  const display = gridDisplay({ quiet: use.quiet });
  let status: StatusWriter | undefined;
  const plan = await planSweep({
    ...{ data, configs, asked: askedAs(asked, use), out: asked.out, name: asked.name, signal },
    ...(({ quiet: _, json: __, logs: ___, ...rest }) => rest)(use),
    onNote: note,
    onBegin: () => status?.start(),
    onFailed: (why) => status?.failed(why),
    onProgress(progress) {
      display.update(progress);
      onProgress?.(progress);
      status?.update(progress);
    },
  });
  status = new StatusWriter(plan);
  return { plan, status };
}

/** What tells a sweep from others: what is trained on what, and with how many threads; not where, nor with how many processes. */
const askedAs = (
  { data: { data: _, target: __, ...data }, kinds }: SweepAsked,
  { provider, threads = 1, keepState }: SweepUse,
) => ({
  ...Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)),
  ...{ kinds, provider, threads },
  ...(keepState === undefined ? {} : { keep_state: keepState }),
});

/** Trains a sweep or a part of it, and says what came of it. */
export async function runSweep(asked: SweepAsked, use: SweepUse): Promise<void> {
  const signal = interruptible();
  const log = logsOf(use.logs, asked.out);
  const { plan, status } = await planAsked(asked, use, signal, log.update);
  const { own, cells, jobs, threads } = plan;
  if (!use.quiet)
    note(
      `${own.length === cells.length ? "" : `${own.length} of `}${cells.length} SAEs: ${plan.file.groups.length} groups x ${plan.file.saes.length}; ${jobs} at a time, ${threads} thread${threads === 1 ? "" : "s"} each; sae-onnx sweep status ${asked.out} says how far it is`,
    );
  const result = await trainSweep(plan).finally(() => status.end());
  await log.end();
  for (const why of result.failed) note(`not trained: ${why}`);
  const share = result.seconds > 0 ? (100 * result.trainingSeconds) / (result.seconds * Math.max(1, jobs)) : 0;
  if (use.json) print(JSON.stringify({ cells: own.length, jobs, ...result }, null, 1));
  else
    print(
      `${result.finished} of ${own.length} SAEs are complete in ${asked.out}; ${result.seconds.toFixed(1)} s, of which the training processes trained ${share.toFixed(1)} %`,
    );
  if (result.stopped) note("stopped; the same command goes on from here");
  else if (!use.quiet) note(`sae-onnx report ${asked.out} draws its figures`);
  if (result.stopped) process.exitCode = 130;
  if (result.failed.length > 0) process.exitCode = 1;
}

/** Says what a sweep would do and take; nothing is written. */
export async function dryRun(asked: SweepAsked, use: SweepUse): Promise<void> {
  const { plan } = await planAsked(asked, use);
  const cost = await measureCost(plan);
  if (use.json) print(JSON.stringify(costJson(plan, cost), null, 1));
  else print(costText(plan, cost));
}

const costJson = ({ file, own, jobs, threads }: SweepPlan, cost: SweepCost) => ({
  ...{ groups: file.groups, saes: file.saes, cells: own.length, jobs, threads },
  ...{ seconds: cost.wall, seconds_in_all: cost.total, disk_bytes: cost.diskBytes, memory_bytes: cost.memoryBytes },
  per_sae: cost.cells.map((one, i) => ({ name: file.saes[i], ...one })),
});

function costText({ file, own, jobs, threads }: SweepPlan, cost: SweepCost): string {
  const { groups, saes } = file;
  const shown = saes.slice(0, 24);
  const rows = shown.map((name, i) => [name.replace(/^_/, ""), cost.cells[i]!] as const);
  const table = boxed([
    ["SAE", ...rows.map(([name]) => name)],
    ["steps", ...rows.map(([, { steps }]) => String(steps))],
    ["training s", ...rows.map(([, one]) => `${inSeconds(one.training)}${one.measured ? "" : " ~"}`)],
    ["finishing s", ...rows.map(([, { finishing }]) => inSeconds(finishing))],
    ["on the disk", ...rows.map(([, { bytes }]) => bytesInWords(bytes))],
  ]);
  const names = groups.map((group) => `${groupInWords(group)} (${group.rows} rows)`);
  const some = names.length > 8 ? [...names.slice(0, 6), `${names.length - 7} more`, names.at(-1)!] : names;
  const { parent, each } = cost.memoryBytes;
  return [
    `${own.length} SAEs: ${groups.length} groups x ${saes.length}`,
    `groups: ${some.join(", ")}`,
    table,
    ...(saes.length > shown.length ? [`and ${saes.length - shown.length} more`] : []),
    `~ worked out from the nearest in size; the others were measured on a few steps and on all rows of the first group`,
    `about ${duration(cost.wall)} here, ${jobs} at a time with ${threads} thread${threads === 1 ? "" : "s"} each (${duration(cost.total)} one after another)`,
    `about ${bytesInWords(cost.diskBytes)} on the disk, ${bytesInWords(parent + jobs * each)} of memory at most`,
  ].join("\n");
}

/** Seconds of one SAE; of less than ten also their hundredths. */
const inSeconds = (seconds: number): string => seconds.toFixed(seconds < 10 ? 2 : 1);

/** Seconds in words. */
const duration = (seconds: number): string =>
  seconds < 100
    ? `${seconds.toFixed(0)} s`
    : seconds < 6000
      ? `${(seconds / 60).toFixed(0)} min`
      : `${(seconds / 3600).toFixed(1)} h`;

/** The part that `--shard 3/24` names. @throws {ConfigError} when it is none. */
export function parseShard(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined;
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text.trim()) ?? [];
  if (index === undefined || Number(count) < 1)
    throw new ConfigError(`--shard: must be a part of so many, counted from 0, such as 3/24, got "${text}"`);
  if (Number(index) >= Number(count))
    throw new ConfigError(
      `--shard: ${text} is out of range, the parts are 0/${count} to ${Number(count) - 1}/${count}`,
    );
  return { index: Number(index), count: Number(count) };
}
