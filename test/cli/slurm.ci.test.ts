/** @file A real Slurm on this machine: its daemons run from a temporary folder, and end by the process ids that were started here. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { saeOnnx, temporaryFolder } from "./run.ts";
import { digests, writeSmallSweep } from "./sweeps.ts";

const isThere = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const can = process.getuid?.() === 0 && ["munged", "slurmctld", "slurmd", "sbatch"].every(isThere);

const folder = temporaryFolder();
const config = join(folder, "slurm.conf");
const environment = { ...process.env, SLURM_CONF: config };
const daemons: Record<string, ChildProcess> = {};

function startDaemon(name: string, ...args: string[]): void {
  daemons[name] = spawn(name, args, { stdio: "ignore", env: environment });
}

const slurmd = () => startDaemon("slurmd", "-D", "-f", config);
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const ask = (program: string, ...args: string[]) =>
  spawnSync(program, args, { encoding: "utf8", env: environment }).stdout;

/** A controller, a node with two cores, and the daemon by which they know one another. */
async function startSlurm(): Promise<void> {
  const port = 20_000 + (process.pid % 20_000);
  for (const name of ["ctld", "d", "munge"]) mkdirSync(join(folder, name));
  const key = join(folder, "munge", "key");
  writeFileSync(key, randomBytes(1024), { mode: 0o400 });
  const socket = join(folder, "munge", "socket");
  chmodSync(join(folder, "munge"), 0o755);
  writeFileSync(
    config,
    `ClusterName=local
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=${socket}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=${join(folder, "ctld")}
SlurmdSpoolDir=${join(folder, "d")}
SlurmctldPidFile=${join(folder, "ctld.pid")}
SlurmdPidFile=${join(folder, "d.pid")}
SlurmctldPort=${port}
SlurmdPort=${port + 1}
SlurmctldLogFile=${join(folder, "ctld.log")}
SlurmdLogFile=${join(folder, "d.log")}
ReturnToService=2
NodeName=${hostname()} CPUs=2 RealMemory=8000 NodeAddr=127.0.0.1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`,
  );
  startDaemon(
    ...(["munged", "--foreground", "--force", `--key-file=${key}`, `--socket=${socket}`] as const),
    ...["pid", "log", "seed"].map((name) => `--${name}-file=${join(folder, "munge", name)}`),
  );
  await sleep(500);
  startDaemon("slurmctld", "-D", "-f", config);
  slurmd();
  const idle = () => expect(ask("sinfo", "--noheader", "--format", "%t")).toMatch(/idle/);
  await vi.waitFor(idle, { timeout: 30_000, interval: 500 });
}

/** Processes that train a part of a sweep, as children of Slurm. */
const tasks = (): number[] =>
  readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return words.includes("--shard") && words.some((word) => word.startsWith(folder)) ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });

describe.skipIf(!can)("Slurm", () => {
  beforeAll(startSlurm, 60_000);

  afterAll(async () => {
    ask("scancel", "--user", "root");
    await sleep(1000);
    for (const one of Object.values(daemons)) one.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  test("24 SAEs as one job array, with slurmd and a task killed, are those of one command, byte for byte", async () => {
    const sweep = writeSmallSweep(folder, { layers: 6, positions: 2 });
    const [local, cluster] = [join(folder, "local"), join(folder, "cluster")];
    const here = saeOnnx("sweep", sweep, "--out", local);
    expect(here.status, here.stderr).toBe(0);

    const words = ["dist/cli/main.js", "sweep", sweep, "--out", cluster, "--engine", "slurm"];
    const child = spawn("node", words, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    await expect.poll(() => /job \d+: 24 tasks/.test(said) && tasks().length > 0, { timeout: 60_000 }).toBe(true);
    process.kill(tasks()[0]!, "SIGKILL");
    daemons.slurmd!.kill("SIGKILL");
    await sleep(3000);
    slurmd();

    expect(await ended, said).toBe(0);
    expect(said).toMatch(/24 of 24 SAEs are complete/);
    // What was killed was submitted once more.
    expect(said.match(/job \d+: \d+ tasks?/g)!.length, said).toBeGreaterThan(1);
    expect(digests(cluster)).toEqual(digests(local));
  }, 300_000);

  test("what sbatch refuses is one line", () => {
    const sweep = join(folder, "sweep.yaml");
    const words = ["sweep", sweep, "--out", join(folder, "refused"), "--engine", "slurm", "--sbatch=--partition=none"];
    const { status, stderr } = spawnSync("node", ["dist/cli/main.js", ...words], {
      encoding: "utf8",
      env: environment,
    });
    expect(stderr.trimEnd()).toMatch(/^error: --engine slurm: sbatch refused: [^\n]*invalid partition[^\n]*$/);
    expect(status).toBe(1);
  }, 60_000);
});
