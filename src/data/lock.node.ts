/**
 * @file Locks for files that are read, changed and written again: a file `PATH.lock` beside them, made at once and whole, says who holds it.
 *
 * The lockfile packages on npm do not fit: they judge a lock by its age against the clock, which may be set back, and their locks do
 * not say whose they are. Here an owner on this machine is judged by its process, at once. Of an owner elsewhere (NFS) nothing can be
 * known but that it still touches its lock: one that is not touched for a minute, as measured here, is nobody's.
 */
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, lstat, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "../util/errors.ts";
import { writeError } from "../util/fileErrors.ts";
import { destinationOf } from "./destination.node.ts";
import { bornAt, lives, machine } from "./process.node.ts";
import { makeFolder } from "./replace.node.ts";
import { sweep, temporaryIn } from "./temporary.node.ts";

/** What a lock says of its owner. `machine` and `born` tell processes of one number apart. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly machine: string;
  readonly born: string;
  readonly since: string;
  /** Of this one holding. */
  readonly token: string;
}

/** How a lock is waited for while somebody else has it. */
export interface Waiting {
  /** Seconds until it is given up, with an error that names the owner; default 90. */
  readonly patience?: number;
  /** Once aborted, it is not waited for any longer, and the work is left undone. */
  readonly signal?: AbortSignal | undefined;
  /** Called once, when the wait is long enough to be noticed: who is waited for. */
  readonly onWait?: ((text: string) => void) | undefined;
}

/** Seconds between signs of life of an owner, and without one for how long its lock is nobody's. */
const beat = 5;
const silence = 60;
/** Seconds of waiting that nobody needs to hear of. */
const unnoticed = 1;

/**
 * Does `work` while no other process or task does with the same file; what it gives, or `undefined` where the signal came first.
 * The lock is gone afterwards, whether the work ends, fails or is interrupted; that of a killed process is broken by the next one.
 * @throws {ConfigError} when another has it for longer than `patience`, or the folder cannot be written.
 */
export async function locked<T>(path: string, work: () => Promise<T>, waiting: Waiting = {}): Promise<T | undefined> {
  const held = await take(path, waiting);
  if (!held) return undefined;
  try {
    return await work();
  } finally {
    await held.release();
  }
}

interface Held {
  release(): Promise<void>;
}

async function take(path: string, { patience = 90, signal, onWait }: Waiting): Promise<Held | undefined> {
  const lock = await lockOf(path);
  if (lock === undefined) return { release: async () => {} };
  const started = performance.now();
  const quiet = silenceWatch();
  let said = false;
  while (!signal?.aborted) {
    const held = await tryTake(lock, path);
    if (held) return held;
    const found = await look(lock, path);
    if (found && ((await isGone(found.owner)) || quiet(found) > silence)) {
      await breakLock(lock, found.text);
      continue;
    }
    const waited = (performance.now() - started) / 1000;
    if (found && waited > patience)
      throw new ConfigError(
        `${path}: ${await describeOwner(found.owner, lock)}; wait for it or end it, then give the same command again`,
      );
    if (found && waited > unnoticed && !said) {
      said = true;
      onWait?.(`${path}: waiting, ${await describeOwner(found.owner, lock)}`);
    }
    await sleep(Math.min(500, 20 + 100 * waited), undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** The lock of a file, also of one that is named by a link; none for a pipe or a device, which keeps nothing. */
async function lockOf(path: string): Promise<string | undefined> {
  try {
    await makeFolder(dirname(path));
    const { path: target, through } = await destinationOf(path);
    return through ? undefined : `${target}.lock`;
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Makes the lock, unless there is one. */
async function tryTake(lock: string, path: string): Promise<Held | undefined> {
  const token = randomBytes(8).toString("hex");
  const { pid } = process;
  const [of, born] = [await machine(), await bornAt(pid)];
  const owner: Owner = { pid, host: hostname(), machine: of, born, since: new Date().toISOString(), token };
  const file = await makeLock(lock, `${JSON.stringify(owner)}\n`, token).catch((error) => {
    throw writeError(path, error);
  });
  if (!file) return undefined;
  // A beat that fails is one that is missed; the next may do.
  const beats = setInterval(() => void touch(file).catch(() => {}), beat * 1000).unref();
  return {
    async release() {
      clearInterval(beats);
      await letGo(lock, file);
    },
  };
}

/**
 * Makes the file with its owner in it, opened; nothing where it is there. It is written under another name and linked to its own, so
 * that a process that is killed in between leaves no lock without an owner. Where files cannot be linked, that may happen.
 */
async function makeLock(lock: string, text: string, token: string): Promise<FileHandle | undefined> {
  if (await lstat(lock).catch(() => undefined)) return undefined;
  const temporary = await temporaryIn(dirname(lock));
  // Another task of this process may have it.
  const before = own.get(lock);
  try {
    // At once, and kept before it is there: a signal of this process finds it, and nothing in between.
    keep(lock, token);
    writeFileSync(temporary, text, { flag: "wx" });
    linkSync(temporary, lock);
  } catch (error) {
    if (before === undefined) forget(lock);
    else own.set(lock, before);
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return undefined;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS" && code !== "EMLINK") throw error;
    return writeLock(lock, text, token);
  } finally {
    rmSync(temporary, { force: true });
  }
  return open(lock, "r+");
}

async function writeLock(lock: string, text: string, token: string): Promise<FileHandle | undefined> {
  const file = await open(lock, "wx").catch((error) => {
    if (error.code === "EEXIST") return undefined;
    throw error;
  });
  if (!file) return undefined;
  keep(lock, token);
  await file.writeFile(text).catch(async (error) => {
    await letGo(lock, file);
    throw error;
  });
  return file;
}

const touch = (file: FileHandle): Promise<void> => file.utimes(new Date(), new Date());

async function letGo(lock: string, file: FileHandle): Promise<void> {
  await file.close().catch(() => {});
  drop(lock);
}

/** What a lock says, when it was touched, and who has it; without an owner where it is being written. */
interface Found {
  readonly text: string;
  readonly touched: number;
  readonly owner: Owner | undefined;
}

async function look(lock: string, path: string): Promise<Found | undefined> {
  try {
    const [text, { mtimeMs: touched }] = [await readFile(lock, "utf8"), await stat(lock)];
    return { text, touched, owner: ownerIn(text) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw writeError(path, error);
  }
}

function ownerIn(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner;
    return Number.isInteger(owner.pid) && typeof owner.token === "string" ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an owner's process is over, as far as that can be known here: its number may have gone to another since. */
async function isGone(owner: Owner | undefined): Promise<boolean> {
  if (owner?.machine !== (await machine())) return false;
  return !lives(owner.pid) || (await bornAt(owner.pid)) !== owner.born;
}

/** For how many seconds a lock has not been touched while it was looked at. No clock is asked, so none can be wrong. */
function silenceWatch(): (found: Found) => number {
  let last: Found | undefined;
  let since = 0;
  return (found) => {
    if (last?.text !== found.text || last.touched !== found.touched) since = performance.now();
    last = found;
    return (performance.now() - since) / 1000;
  };
}

/**
 * Removes the lock of an owner that is gone, and the unfinished files that it left beside it. That is a read and a write of a shared file
 * too, so it takes a lock of its own: else the second who finds it would remove what the first one put in its place.
 */
async function breakLock(lock: string, text: string): Promise<void> {
  await locked(lock, async () => {
    if ((await readFile(lock, "utf8").catch(() => undefined)) === text)
      await rm(lock, { force: true }).catch((error) => {
        throw writeError(lock, error);
      });
    await sweep(dirname(lock));
  });
}

/** Who has a lock and for how long; of one on another machine, what is done where it is gone. */
async function describeOwner(owner: Owner | undefined, lock: string): Promise<string> {
  const far = `; where it is gone, ${lock} is free after ${silence} s`;
  if (!owner) return `a process that has not said its name has it${far}`;
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(owner.since)) / 1000));
  const here = owner.machine === (await machine());
  return `process ${owner.pid} on ${owner.host} has it since ${owner.since} (${seconds} s)${here ? "" : far}`;
}

/** The locks of this process, by their tokens. */
const own = new Map<string, string>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function keep(lock: string, token: string): void {
  if (own.size === 0) {
    process.on("exit", dropAll);
    for (const one of signals) process.on(one, ended);
  }
  own.set(lock, token);
}

/** Removes a lock of this process, unless it was taken for that of a dead one and is another's by now. */
function drop(lock: string): void {
  try {
    const text = readFileSync(lock, "utf8");
    if (text === "" || text.includes(own.get(lock)!)) rmSync(lock, { force: true });
  } catch {
    // It is gone, or cannot be removed; then the next one breaks it.
  }
  forget(lock);
}

/** Takes a lock for another's, or none. */
function forget(lock: string): void {
  own.delete(lock);
  if (own.size > 0) return;
  process.off("exit", dropAll);
  for (const one of signals) process.off(one, ended);
}

const dropAll = (): void => {
  for (const lock of [...own.keys()]) drop(lock);
};

/** A signal that nobody else listens to ends the process, as it would without locks; they go first. */
function ended(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  dropAll();
  process.kill(process.pid, signal);
}
