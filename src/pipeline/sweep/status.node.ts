/** @file How far a sweep is: what each process at it writes every few seconds, and what anybody reads of it. */
import { readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../data/files.node.ts";
import { bornAt, lives, machine } from "../../data/process.node.ts";
import { parseJson } from "../../record/json.ts";
import { readIfThere } from "../existing.node.ts";
import type { GridProgress } from "../grid/request.ts";
import { readSweep, type SweepFile, sealedNames } from "./folder.node.ts";
import { statusPage } from "./page.ts";
import type { SweepPlan } from "./sweep.node.ts";

const schema = z.object({
  host: z.string(),
  machine: z.string(),
  pid: z.int(),
  born: z.string(),
  shard: z.string().nullable(),
  started: z.string(),
  updated: z.string(),
  /** SAEs of this process, those that are finished, and the share of its work that is done. */
  count: z.int(),
  finished: z.int(),
  done: z.number(),
  /** Those in training. */
  training: z.array(
    z.object({ name: z.string(), epochs_done: z.number(), epochs: z.number(), loss: z.number().nullable() }),
  ),
  failed: z.array(z.string()),
});

/** What one process says of itself. */
export type ProcessStatus = z.infer<typeof schema>;

/** Where a sweep is. */
export interface SweepStatus {
  readonly file: SweepFile;
  /** Sealed SAEs of each group, in the order of the groups. */
  readonly groups: readonly { readonly name: string; readonly finished: number; readonly count: number }[];
  readonly finished: number;
  readonly count: number;
  /** Processes at it, and whether each is there still; of one on another machine the file's time alone tells. */
  readonly processes: readonly (ProcessStatus & { readonly there: boolean })[];
}

const statusFolder = (out: string): string => join(out, "status");

/** Seconds between two writings of a status, and after how many without one a process elsewhere is not there any longer. */
const [every, silence] = [2, 60];

/** Where a sweep is now. @throws {ConfigError} when the folder holds none. */
export async function readStatus(out: string): Promise<SweepStatus> {
  const file = await readSweep(out);
  const sealed = await sealedNames(out, file);
  const groups = file.groups.map(({ name }) => ({ name, finished: sealed.get(name)!.size, count: file.saes.length }));
  const names = (await readdir(statusFolder(out)).catch((): string[] => [])).filter((name) => name.endsWith(".json"));
  const processes: (ProcessStatus & { there: boolean })[] = [];
  for (const name of names.sort()) {
    const bytes = await readIfThere(join(statusFolder(out), name));
    const parsed = bytes && schema.safeParse(tolerant(bytes, name));
    if (parsed?.success) processes.push({ ...parsed.data, there: await isThere(parsed.data) });
  }
  const sum = (key: "finished" | "count") => groups.reduce((total, one) => total + one[key], 0);
  return { file, groups, finished: sum("finished"), count: sum("count"), processes };
}

function tolerant(bytes: Uint8Array, name: string): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes), name);
  } catch {
    return undefined;
  }
}

async function isThere(one: ProcessStatus): Promise<boolean> {
  if (one.machine === (await machine())) return lives(one.pid) && (await bornAt(one.pid)) === one.born;
  return Date.now() - Date.parse(one.updated) < silence * 1000;
}

/** Writes the status of this process, and the page, while a sweep runs. */
export class StatusWriter {
  readonly #plan: SweepPlan;
  readonly #training = new Map<string, ProcessStatus["training"][number]>();
  readonly #failed: string[] = [];
  readonly #started = new Date().toISOString();
  #counts = { finished: 0, done: 0 };
  #timer: NodeJS.Timeout | undefined;
  #writing = Promise.resolve();
  #path: string | undefined;

  constructor(plan: SweepPlan) {
    this.#plan = plan;
  }

  /** Begins to write, every other second. */
  start(): void {
    this.#timer = setInterval(() => this.#soon(), every * 1000).unref();
  }

  update({ name, epochsDone, epochs, loss, state, finished, done }: GridProgress): void {
    this.#counts = { finished, done };
    if (state === "training") this.#training.set(name, { name, epochs_done: epochsDone, epochs, loss });
    else this.#training.delete(name);
  }

  failed(why: string): void {
    this.#failed.push(why);
  }

  /** Writes the page once more, and takes back what this process said of itself. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    if (this.#path) await rm(this.#path, { force: true }).catch(() => {});
    if (this.#timer) await this.#page().catch(() => {});
  }

  /** A status that cannot be written is no reason to stop. */
  #soon(): void {
    this.#writing = this.#writing.then(() => this.#write()).catch(() => {});
  }

  async #write(): Promise<void> {
    const { own, run } = this.#plan;
    const { pid } = process;
    const [here, born] = [await machine(), await bornAt(pid)];
    const status: ProcessStatus = {
      ...{ host: hostname(), machine: here, pid, born, started: this.#started, updated: new Date().toISOString() },
      shard: run.shard ? `${run.shard.index}/${run.shard.count}` : null,
      ...{ count: own.length, ...this.#counts, training: [...this.#training.values()], failed: this.#failed },
    };
    this.#path = join(statusFolder(run.out), `${here}-${pid}.json`);
    await writeWhole(this.#path, `${JSON.stringify(status, null, 1)}\n`);
    await this.#page();
  }

  async #page(): Promise<void> {
    const { out } = this.#plan.run;
    await writeWhole(join(out, "status.html"), statusPage(await readStatus(out), new Date().toISOString()));
  }
}
