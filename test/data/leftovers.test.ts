import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeWhole } from "../../src/data/files.node.ts";

const folder = (): string => mkdtempSync(join(tmpdir(), "sae-onnx-"));
const started: ChildProcess[] = [];
afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
});

/** A process in the middle of writing a file, and the temporary file it has made. */
async function writing(path: string): Promise<{ child: ChildProcess; temporary: string }> {
  const script = `import { replaceWith } from "./dist/data/replace.node.js";
    await replaceWith(${JSON.stringify(path)}, () => new Promise((resolve) => setTimeout(resolve, 60_000)));`;
  const child = spawn("node", ["--input-type=module", "-e", script], { stdio: "ignore" });
  started.push(child);
  await expect.poll(() => readdirSync(join(path, "..")).length, { timeout: 5000 }).toBe(1);
  return { child, temporary: readdirSync(join(path, ".."))[0]! };
}

test("a clock that jumps days ahead makes nobody's file old", async () => {
  const at = folder();
  const { temporary } = await writing(join(at, "a"));
  utimesSync(join(at, temporary), 0, Date.now() / 1000 - 9 * 86_400);
  await writeWhole(join(at, "b"), "");
  expect(readdirSync(at).sort()).toEqual([temporary, "b"].sort());
});

test("what a killed run leaves is gone after the next one; what a live one is writing stays", async () => {
  const [dead, live] = [folder(), folder()];
  const killed = await writing(join(dead, "a"));
  const exited = once(killed.child, "exit");
  killed.child.kill("SIGKILL");
  await exited;
  expect(readdirSync(dead)).toEqual([killed.temporary]);
  await writeWhole(join(dead, "b"), "");
  expect(readdirSync(dead)).toEqual(["b"]);
  const { temporary } = await writing(join(live, "a"));
  await writeWhole(join(live, "b"), "");
  expect(readdirSync(live).sort()).toEqual([temporary, "b"].sort());
});

describe("temporary files of others", () => {
  const gone = spawnSync("true").pid;
  const name = (machine: string, pid: number) => `.sae-onnx-${machine}-${pid}-0123abcd.part`;
  const daysOld = (path: string, days: number) => utimesSync(path, 0, Date.now() / 1000 - days * 86_400);

  test("of another machine, whose processes are not known here, stay for a day", async () => {
    const at = folder();
    for (const file of [name("00000000", gone), name("00000001", gone)]) writeFileSync(join(at, file), "");
    daysOld(join(at, name("00000001", gone)), 1.1);
    await writeWhole(join(at, "new"), "");
    expect(readdirSync(at)).toEqual([name("00000000", gone), "new"]);
  });

  test("files that only look alike stay", async () => {
    const at = folder();
    const files = [".sae-onnx-notes.part", "x.part", ".sae-onnx-00000000-1-0123abcd.part.txt"];
    for (const file of files) {
      writeFileSync(join(at, file), "");
      daysOld(join(at, file), 9);
    }
    await writeWhole(join(at, "new"), "");
    expect(readdirSync(at).sort()).toEqual([...files, "new"].sort());
  });
});

test.skipIf(process.platform === "win32")(
  "a file that is replaced keeps its mode, and long names leave room",
  async () => {
    const at = folder();
    writeFileSync(join(at, "a"), "", { mode: 0o640 });
    await writeWhole(join(at, "a"), "new");
    expect(statSync(join(at, "a")).mode & 0o777).toBe(0o640);
    await writeWhole(join(at, "n".repeat(255)), "");
    expect(readdirSync(at)).toHaveLength(2);
  },
);
