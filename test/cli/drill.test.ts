/**
 * @file Fault drills: sweeps that are killed at random moments, whose disk is filled and whose files are damaged must end at the bytes of
 * one that nothing happened to. A few here; `npm run drill` does 50, `DRILLS=200 npm run drill` more. `DRILL=17` repeats one.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Random, random } from "../../src/util/random.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";
import { digests, writeSmallSweep } from "./sweeps.ts";

const count = Number(process.env.DRILLS ?? 3);
const seeds = process.env.DRILL ? [Number(process.env.DRILL)] : Array.from({ length: count }, (_, i) => i);

/** A few drills have one fault each, so that they take seconds. */
const isShort = process.env.DRILLS === undefined && process.env.DRILL === undefined;

const folder = temporaryFolder();
const config = writeSmallSweep(folder);
const command = (out: string) => ["sweep", config, "--out", out, "--checkpoint-seconds", "0", "--jobs", "2"];
let wanted: Record<string, string>;
/** Milliseconds that the undisturbed sweep took. */
let whole: number;

beforeAll(() => {
  const started = performance.now();
  const { status, stderr } = saeOnnx(...command(join(folder, "whole")));
  expect(status, stderr).toBe(0);
  whole = performance.now() - started;
  wanted = digests(join(folder, "whole"));
  expect(Object.keys(wanted)).toHaveLength(4 * 7 + 2 * 2 + 1);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A sweep while it runs, in a process group of its own. */
function started(out: string): { child: ChildProcess; ended: Promise<{ code: number | null; stderr: string }> } {
  const child = spawn("node", ["dist/cli/main.js", ...command(out)], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let stderr = "";
  child.stderr!.on("data", (text) => {
    stderr += text;
  });
  return { child, ended: new Promise((resolve) => child.on("exit", (code) => resolve({ code, stderr }))) };
}

/** The training processes of a command. */
function trainingProcesses(parent: number): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(parent)], { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => (line.trim() === "" ? [] : [Number(line)]));
}

const kill = (pid: number) => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
};

/** What happens to a sweep in the middle; each gives what it did, in words. */
const faults: Record<string, (out: string, rng: Random) => Promise<string>> = {
  async "the command is killed"(out, rng) {
    const { child, ended } = started(out);
    await sleep(rng.uniform() * whole);
    kill(child.pid!);
    await ended;
    return "";
  },
  async "a training process is killed"(out, rng) {
    const { child, ended } = started(out);
    await sleep(rng.uniform() * whole);
    const [first] = trainingProcesses(child.pid!);
    if (first !== undefined) kill(first);
    // The command goes on without it.
    const { code, stderr } = await ended;
    expect(code, stderr).toBe(0);
    return first === undefined ? "none was there" : "";
  },
  async "both are killed"(out, rng) {
    const { child, ended } = started(out);
    await sleep(rng.uniform() * whole);
    kill(-child.pid!);
    await ended;
    return "";
  },
  async "files are damaged"(out, rng) {
    const { child, ended } = started(out);
    await sleep((0.5 + rng.uniform()) * whole);
    kill(-child.pid!);
    await ended;
    const names = (readdirSync(out, { recursive: true }) as string[]).filter(
      (name) => /[\\/]/.test(name) && statSync(join(out, name)).isFile(),
    );
    const harmed = [0, 1].flatMap(() => names[rng.below(Math.max(1, names.length))] ?? []);
    for (const name of harmed) damage(join(out, name), rng);
    return harmed.join(", ");
  },
  async "the disk is full"(out, rng) {
    const ballast = join(out, "..", "ballast");
    if (!mounted.has(out)) return "not tried: no small disk can be mounted here";
    const { child, ended } = started(out);
    await sleep((0.4 + 0.5 * rng.uniform()) * whole);
    spawnSync("sh", ["-c", `head -c 100000000 /dev/zero > '${ballast}'`]);
    const { code, stderr } = await ended;
    rmSync(ballast, { force: true });
    kill(-child.pid!);
    if (code !== 0) {
      expect(stderr).toMatch(/error: .*no space left on the disk/);
      expect(code).toBe(1);
    }
    return code === 0 ? "it was over before" : "";
  },
};

/** Cuts a file, removes it, or turns a byte of it. */
function damage(path: string, rng: Random): void {
  if (!existsSync(path)) return;
  const { size } = statSync(path);
  const how = rng.below(3);
  if (how === 0) rmSync(path);
  else if (how === 1) truncateSync(path, rng.below(size + 1));
  else if (size > 0) {
    const bytes = readFileSync(path);
    bytes[rng.below(size)]! ^= 1 << rng.below(8);
    writeFileSync(path, bytes);
  }
}

/** Folders on a disk of their own. */
const mounted = new Set<string>();

/** A folder for one drill, where possible on a small disk. */
function place(seed: number): { out: string; release: () => void } {
  const disk = join(folder, `drill-${seed}`);
  mkdirSync(disk);
  const out = join(disk, "out");
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
  if (status === 0) mounted.add(out);
  return { out, release: () => (status === 0 ? void spawnSync("umount", [disk]) : rmSync(disk, { recursive: true })) };
}

test.each(seeds)(
  "drill %i ends at the same bytes",
  async (seed) => {
    const rng = random(seed, "fault drill");
    const { out, release } = place(seed);
    const told: string[] = [];
    try {
      for (let left = isShort ? 1 : 1 + rng.below(3); left > 0; left--) {
        const names = Object.keys(faults);
        // The first drills go through the kinds, so that a few of them have seen all.
        const name = names[told.length === 0 ? seed % names.length : rng.below(names.length)]!;
        mkdirSync(out, { recursive: true });
        told.push(`${name} ${await faults[name]!(out, rng)}`.trim());
      }
      const { status, stderr } = saeOnnx(...command(out));
      expect(status, `${told.join("; ")}: ${stderr}`).toBe(0);
      expect(digests(out), told.join("; ")).toEqual(wanted);
    } finally {
      release();
    }
  },
  120_000,
);
