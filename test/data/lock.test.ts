import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test, vi } from "vitest";
import { locked } from "../../src/data/lock.node.ts";
import { bornAt, machine } from "../../src/data/process.node.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "sae-onnx-"));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
});

/** A process that runs a script which knows `locked` and `path`. */
function script(path: string, text: string): ChildProcess {
  const source = `import { locked } from "./dist/data/lock.node.js";
    import { readFileSync, writeFileSync } from "node:fs";
    const path = ${JSON.stringify(path)}; ${text}`;
  const child = spawn("node", ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  return child;
}
const holding = "await locked(path, () => new Promise((resolve) => setTimeout(resolve, 60_000)));";

/** A process that holds the lock of a file. */
async function holder(path: string): Promise<ChildProcess> {
  const child = script(path, holding);
  await expect.poll(() => existsSync(`${path}.lock`) && readFileSync(`${path}.lock`, "utf8"), poll).toContain("token");
  return child;
}
const poll = { timeout: 10_000, interval: 5 };

test("processes that add to one number lose nothing, and leave nothing", async () => {
  const path = join(folder(), "n");
  writeFileSync(path, "0");
  const add = `for (let i = 0; i < 20; i++) await locked(path, async () => {
    const n = Number(readFileSync(path, "utf8"));
    await new Promise((resolve) => setTimeout(resolve, 1));
    writeFileSync(path, String(n + 1));
  });`;
  const codes = await Promise.all([1, 2, 3, 4].map(() => once(script(path, add), "exit")));
  expect(codes.map(([code]) => code)).toEqual([0, 0, 0, 0]);
  expect(readFileSync(path, "utf8")).toBe("80");
  expect(readdirSync(join(path, ".."))).toEqual(["n"]);
});

test("tasks of one process wait for each other, also by a link", async () => {
  const at = folder();
  const [path, link] = [join(at, "n"), join(at, "link")];
  symlinkSync(path, link);
  let inside = 0;
  const work = async () => {
    expect(++inside).toBe(1);
    await sleep(20);
    inside--;
  };
  await Promise.all([path, link, path].map((one) => locked(one, work)));
  expect(readdirSync(at)).toEqual(["link"]);
});

test("who waits is told by whom a lock is held and since when; who waits too long, what to do", async () => {
  const path = join(folder(), "a");
  const { pid } = await holder(path);
  const said: string[] = [];
  const waiting = { patience: 1.5, onWait: (text: string) => said.push(text) };
  await expect(locked(path, async () => {}, waiting)).rejects.toThrow(
    new RegExp(
      `^${path}: process ${pid} on ${hostname()} has it since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z \\(\\d+ s\\); wait for it or end it, then give the same command again$`,
    ),
  );
  expect(said).toEqual([expect.stringMatching(`^${path}: waiting, process ${pid} on ${hostname()} has it since `)]);
});

test("a signal ends the waiting, and the work is left undone", async () => {
  const path = join(folder(), "a");
  await holder(path);
  const signal = AbortSignal.timeout(200);
  expect(await locked(path, async () => "done", { signal })).toBeUndefined();
});

describe("an owner that is gone", () => {
  test("killed: its lock is broken at once, by one of those who wait, and what it was writing goes too", async () => {
    const path = join(folder(), "a");
    const child = await holder(path);
    writeFileSync(join(path, "..", `.sae-onnx-${await machine()}-${child.pid}-01234567.part`), "half");
    let inside = 0;
    const waiting = [1, 2, 3].map(() =>
      locked(path, async () => {
        expect(++inside).toBe(1);
        await sleep(50);
        inside--;
        return "done";
      }),
    );
    child.kill("SIGKILL");
    await once(child, "exit");
    const killed = performance.now();
    expect(await Promise.all(waiting)).toEqual(["done", "done", "done"]);
    expect(performance.now() - killed).toBeLessThan(5000);
    expect(readdirSync(join(path, ".."))).toEqual([]);
  });

  const owner = async (changed: object) => {
    const own = { pid: process.pid, host: "elsewhere", machine: await machine(), born: await bornAt(process.pid) };
    return `${JSON.stringify({ ...own, since: new Date().toISOString(), token: "0123", ...changed })}\n`;
  };

  test.skipIf(process.platform !== "linux")("and its number another process's by now", async () => {
    const path = join(folder(), "a");
    writeFileSync(`${path}.lock`, await owner({ born: "1" }));
    expect(await locked(path, async () => "done", { patience: 0 })).toBe("done");
    writeFileSync(`${path}.lock`, await owner({}));
    await expect(locked(path, async () => "done", { patience: 0 })).rejects.toThrow(/process \d+ on elsewhere has it/);
  });

  test.each([0, 9])("on another machine: by its silence alone, a clock that is %d days ahead too", async (days) => {
    const path = join(folder(), "a");
    const gone = spawnSync("true").pid;
    writeFileSync(`${path}.lock`, await owner({ machine: "00000000", pid: gone }));
    const ahead = Date.now() / 1000 + days * 86_400;
    utimesSync(`${path}.lock`, ahead, ahead);
    await expect(locked(path, async () => "done", { patience: 0.1 })).rejects.toThrow(
      `has it since ${JSON.parse(readFileSync(`${path}.lock`, "utf8")).since} (0 s); where it is gone, ${path}.lock is free after 60 s`,
    );
    // Its beats are heard, whatever the clock there says: 40 s, a beat, 40 s; then nothing.
    const now = vi.spyOn(performance, "now");
    const clock = performance.now();
    let passed = 0;
    now.mockImplementation(() => clock + 1000 * passed);
    const held = locked(path, async () => passed, { patience: 1000 });
    await sleep(700);
    passed = 40;
    await sleep(700);
    utimesSync(`${path}.lock`, ahead, ahead - 1);
    await sleep(700);
    passed = 80;
    await sleep(700);
    passed = 120;
    await sleep(700);
    passed = 150;
    expect(await held).toBeGreaterThan(100);
    now.mockRestore();
  });
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s leaves no lock, and ends the process as ever",
  async (signal) => {
    const path = join(folder(), "a");
    const child = await holder(path);
    child.kill(signal);
    expect(await once(child, "exit")).toEqual([null, signal]);
    expect(readdirSync(join(path, ".."))).toEqual([]);
  },
);

test.each(["throw new Error()", "process.exit(3)"])("%s leaves no lock", async (text) => {
  const path = join(folder(), "a");
  const [code] = await once(script(path, `await locked(path, async () => { ${text}; });`), "exit");
  expect(code).not.toBe(0);
  expect(readdirSync(join(path, ".."))).toEqual([]);
});
