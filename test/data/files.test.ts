import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readActivations, readBytes, readLabels, writeWhole } from "../../src/data/files.node.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { ConfigError } from "../../src/util/errors.ts";
import { matrix } from "./helpers.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sae-onnx-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the call without root's rights, where the tests have them. */
async function unprivileged<T>(call: () => Promise<T>): Promise<T> {
  const asRoot = process.geteuid?.() === 0;
  if (asRoot) process.seteuid?.(65534);
  try {
    return await call();
  } finally {
    if (asRoot) process.seteuid?.(0);
  }
}

/** The message of the ConfigError that the promise rejects with: one line. */
async function complaint(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.fail("nothing was thrown"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as Error).message).not.toContain("\n");
  return (error as Error).message;
}

describe("writeWhole", () => {
  test("makes the folder, replaces the file, leaves nothing else", async () => {
    const path = join(folder, "new", "deep", "a.bin");
    await writeWhole(path, "größe");
    expect(await readFile(path, "utf8")).toBe("größe");
    const bytes = Uint8Array.of(9, 0, 255, 9).subarray(1, 3);
    await writeWhole(path, bytes);
    expect([...(await readFile(path))]).toEqual([0, 255]);
    expect(await readdir(join(folder, "new", "deep"))).toEqual(["a.bin"]);
  });

  test("several megabytes and an empty file arrive whole", async () => {
    const path = join(folder, "large.bin");
    const bytes = Uint8Array.from({ length: 3_000_001 }, (_, i) => i * 7);
    await writeWhole(path, bytes);
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
    await writeWhole(path, new Uint8Array(0));
    expect((await readFile(path)).length).toBe(0);
  });

  test("writers of the same file at the same time leave one of the contents", async () => {
    const path = join(folder, "same.txt");
    const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
    await Promise.all(texts.map((text) => writeWhole(path, text)));
    expect(texts).toContain(await readFile(path, "utf8"));
  });

  test("a file in the way of the folder, a folder in the way of the file", async () => {
    await writeFile(join(folder, "plain"), "");
    expect(await complaint(writeWhole(join(folder, "plain", "x", "a"), ""))).toMatch(
      /plain\/x\/a: cannot write, a part of the path is a file/,
    );
    expect(await complaint(writeWhole(join(folder, "plain", "a"), ""))).toMatch(/a part of the path is a file/);
    await mkdir(join(folder, "taken"));
    expect(await complaint(writeWhole(join(folder, "taken"), ""))).toMatch(/taken: cannot write, is a folder/);
    expect((await readdir(folder)).filter((name) => name.startsWith("taken"))).toEqual(["taken"]);
  });

  test.skipIf(process.platform !== "linux")("a folder that can be neither written to nor made", async () => {
    const closed = join(folder, "closed");
    await mkdir(closed, { mode: 0o500 });
    expect(await unprivileged(() => complaint(writeWhole(join(closed, "a"), "")))).toMatch(
      /closed\/a: cannot write, permission denied; change the permissions/,
    );
    expect(await readdir(closed)).toEqual([]);
    // Node's own recursive mkdir never comes back from here.
    expect(await complaint(writeWhole("/proc/none/a", ""))).toMatch(/^\/proc\/none\/a: cannot write, no such/);
  });

  test("a name that is too long keeps what is there", async () => {
    expect(await complaint(writeWhole(join(folder, "n".repeat(300)), ""))).toMatch(/the name is too long/);
  });

  test("through a symbolic link, the file it points to is replaced", async () => {
    await writeFile(join(folder, "target"), "old");
    await symlink("target", join(folder, "link"));
    await writeWhole(join(folder, "link"), "new");
    expect(await readFile(join(folder, "target"), "utf8")).toBe("new");
  });

  test("through a link to nothing yet, the file it names is made; links that lead round are refused", async () => {
    await mkdir(join(folder, "far"));
    await symlink("far/made", join(folder, "ahead"));
    await symlink("ahead", join(folder, "twice"));
    await writeWhole(join(folder, "twice"), "new");
    expect(await readFile(join(folder, "far", "made"), "utf8")).toBe("new");
    expect(await readlink(join(folder, "ahead"))).toBe("far/made");
    await symlink("round", join(folder, "round"));
    expect(await complaint(writeWhole(join(folder, "round"), ""))).toMatch(/round: cannot write, its links lead round/);
  });
});

describe.skipIf(process.platform === "win32")("what is no regular file", () => {
  test("a pipe is written through, also behind a link, and stays one", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await symlink("pipe", join(folder, "to pipe"));
    const text = "x".repeat(300_000);
    for (const path of [pipe, join(folder, "to pipe")]) {
      const reader = spawn("cat", [pipe]);
      let read = "";
      reader.stdout.on("data", (part) => {
        read += part;
      });
      const closed = once(reader, "close");
      await writeWhole(path, text);
      await closed;
      expect(read === text).toBe(true);
      expect((await lstat(pipe)).isFIFO()).toBe(true);
    }
  });

  test.skipIf(process.platform !== "linux" || process.geteuid?.() !== 0)("a device is written through", async () => {
    const full = join(folder, "full");
    execFileSync("mknod", [full, "c", "1", "7"]);
    expect(await complaint(writeWhole(full, "text"))).toMatch(/full: cannot write, no space left/);
    expect((await lstat(full)).isCharacterDevice()).toBe(true);
  });

  test("a socket and a disk are refused", async () => {
    const path = join(folder, "socket");
    const server = createServer().listen(path);
    await once(server, "listening");
    expect(await complaint(writeWhole(path, ""))).toBe(`${path}: cannot write, is a socket; name a file`);
    expect((await lstat(path)).isSocket()).toBe(true);
    server.close();
  });
});

describe("reading", () => {
  test("an activation file, with its source and its labels", async () => {
    const path = join(folder, "acts.npy");
    await writeWhole(path, writeNpy(matrix([1, 2], [3, 4])));
    const set = await readActivations(path);
    expect(set.activations).toEqual(matrix([1, 2], [3, 4]));
    expect(set.source).toBe("acts.npy");
    expect(await readLabels(path, 2)).toBeNull();
    await writeWhole(join(folder, "acts.labels.jsonl"), '{"a":1}\n{"a":2}\n');
    expect(await readLabels(path, 2)).toEqual([{ a: 1 }, { a: 2 }]);
    expect(await complaint(readLabels(path, 3))).toMatch(/acts\.labels\.jsonl: 2 labels for 3 rows/);
  });

  test("missing files, folders and paths through files", async () => {
    expect(await complaint(readActivations(join(folder, "no.npy")))).toMatch(/no\.npy: cannot read, no such file/);
    expect(await complaint(readBytes(folder))).toMatch(/: is a folder; name a file$/);
    await writeFile(join(folder, "file"), "");
    expect(await complaint(readBytes(join(folder, "file", "x")))).toMatch(/a part of the path is a file/);
    expect((await readBytes(join(folder, "file"))).length).toBe(0);
  });

  test.skipIf(process.platform !== "linux")("a device or a pipe", async () => {
    expect(await complaint(readBytes("/dev/null"))).toBe("/dev/null: is no regular file; name a file");
  });

  test.skipIf(process.platform !== "linux")("a file without permission", async () => {
    const path = join(folder, "secret.npy");
    await writeFile(path, "", { mode: 0 });
    expect(await unprivileged(() => complaint(readBytes(path)))).toMatch(/cannot read, permission denied/);
  });
});
