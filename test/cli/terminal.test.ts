import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { verbs } from "../../src/cli/commands/index.ts";
import { table } from "../../src/cli/output.ts";
import { gridDisplay } from "../../src/cli/progress.ts";
import { fold, showsBoxes } from "../../src/cli/terminal.ts";
import type { SaeRecord } from "../../src/record/record.ts";
import { hasPty, inTerminal } from "./pty.ts";
import { npy, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const data = join(folder, "acts.npy");
const train = (out: string, epochs = "3") => [
  ...["train", "--data", data, "--latent-dim", "64", "--k", "2,3", "--jobs", "1", "--epochs", epochs],
  ...["--out", join(folder, out)],
];
beforeAll(() => writeFileSync(data, npy(sparseRows(400, 24))));

const tooWide = (text: string, columns: number) => text.split("\n").filter((line) => line.length > columns);

describe.skipIf(!hasPty)("a terminal of 80 columns", () => {
  test("help fits", async () => {
    const { code, text } = await inTerminal(["--help"]);
    expect(code).toBe(0);
    expect(text).toContain("Options:");
    expect(tooWide(text, 80)).toEqual([]);
  });

  /** A command of this name that prints its words. */
  const stub = join(folder, "bin");
  beforeAll(() => {
    mkdirSync(stub);
    writeFileSync(join(stub, "sae-onnx"), `#!/bin/sh\nprintf '%s\\n' "$*"\n`);
    chmodSync(join(stub, "sae-onnx"), 0o755);
  });

  test.each(Object.keys(verbs))("help of %s fits, and a shell takes its examples as they stand there", async (verb) => {
    const { text } = await inTerminal([verb, "--help"]);
    expect(tooWide(text, 80)).toEqual([]);
    const shown = text.split("Examples:\n")[1]!;
    // Without the files of the folder it runs in: a star stays one.
    const { stdout, stderr } = spawnSync("sh", ["-f", "-s"], {
      input: shown,
      encoding: "utf8",
      env: { PATH: [stub, process.env.PATH].join(delimiter) },
    });
    expect(stderr).toBe("");
    const { examples } = await verbs[verb]!.load();
    expect(stdout.trimEnd().split("\n")).toEqual(examples.map(([line]) => line.replace("$0 ", "").replaceAll("'", "")));
    for (const [, does] of examples) expect(shown).toContain(`# ${does}`);
  });

  test("doctor fits", async () => {
    const { code, text } = await inTerminal(["doctor"]);
    expect(code).toBe(0);
    expect(text).toMatch(/^cpu +yes +one training step/m);
    expect(tooWide(text, 80)).toEqual([]);
  });

  test("the table of train fits", async () => {
    const { code, text } = await inTerminal(train("narrow"), { after: "2>/dev/null" });
    expect(code).toBe(0);
    expect(text.match(/│ sae_d64_k2 /g)).toHaveLength(2);
    expect(tooWide(text, 80)).toEqual([]);
  });
});

describe.skipIf(!hasPty)("what a terminal is sent", () => {
  const esc = "\u001b";

  test("a bar, which takes escapes; none with NO_COLOR or TERM=dumb, but lines", async () => {
    const { text } = await inTerminal(train("bar", "300"));
    expect(text).toContain(esc);
    expect(text).toContain("░");
    for (const [i, env] of [{ NO_COLOR: "1" }, { TERM: "dumb" }].entries()) {
      const plain = await inTerminal(train(`plain-${i}`), { env });
      expect(plain.code).toBe(0);
      expect(plain.text).not.toContain(esc);
      expect(plain.text).toMatch(/^\d\d:\d\d:\d\d 1\/2 sae_d64_k\d: trained in /m);
    }
  });

  test("ASCII alone where the locale is C", async () => {
    const { code, text } = await inTerminal(train("ascii", "300"), { env: { LC_ALL: "C" } });
    expect(code).toBe(0);
    expect(text).toMatch(/^\| SAE +\| latents \| k \|/m);
    expect([...text].filter((letter) => letter.codePointAt(0)! > 126)).toEqual([]);
  });
});

test("a locale that is named and not UTF-8 has no boxes; LC_ALL before LC_CTYPE before LANG", () => {
  expect([{}, { LANG: "de_DE.UTF-8" }, { LC_CTYPE: "C.utf8", LANG: "C" }].map(showsBoxes)).toEqual([true, true, true]);
  expect([{ LANG: "C" }, { LC_ALL: "POSIX", LANG: "C.UTF-8" }, { LANG: "de_DE.ISO-8859-1" }].map(showsBoxes)).toEqual([
    false,
    false,
    false,
  ]);
});

describe("texts of a width", () => {
  const record = { name: "sae_d1024_k100_seed0", latent_dim: 1024, k: 100, metrics: {}, train_time_sec: 1 };
  const lines = (width?: number) => table([record as unknown as SaeRecord], width).split("\n");

  test("a table is as many as it takes; every column is in one of them, once", () => {
    expect(lines()).toHaveLength(5);
    for (const width of [200, 120, 80, 60, 40]) {
      const made = lines(width);
      expect(Math.max(...made.map((line) => line.length))).toBeLessThanOrEqual(width);
      const titles = made.filter((line) => line.includes("SAE")).flatMap((line) => line.split(/ *│ */).slice(2, -1));
      expect(titles).toEqual(lines()[1]!.split(/ *│ */).slice(2, -1));
    }
  });

  test("lines are broken between words, and a longer word stands alone", () => {
    expect(fold("one two three", 8, "  ")).toBe("one two\n  three");
    expect(fold("a verylongword b", 6)).toBe("a\nverylongword\nb");
    expect(fold("one two three")).toBe("one two three");
  });
});

test("log lines carry the time of day, and one every 30 seconds names each SAE in training", () => {
  const said: string[] = [];
  const now = vi.spyOn(performance, "now").mockReturnValue(0);
  const written = vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  try {
    const display = gridDisplay({ quiet: false });
    const news = (name: string, more: object) =>
      display.update({
        ...{ name, epochsDone: 1, epochs: 9, loss: 0.5, state: "training", finished: 0, count: 3, done: 0.1 },
        ...more,
      });
    const row = { train_time_sec: 20, metrics: { explained_variance: 0.5 } } as unknown as SaeRecord;
    news("a", {});
    news("b", { epochsDone: 2.25, loss: null });
    now.mockReturnValue(20_000);
    news("c", { state: "finished", finished: 1, row });
    now.mockReturnValue(31_000);
    news("a", { epochsDone: 3, finished: 1, done: 0.5 });
    now.mockReturnValue(40_000);
    news("b", { epochsDone: 3, finished: 1, done: 0.5 });
    now.mockReturnValue(62_000);
    news("a", { state: "finished", finished: 2, row, done: 0.5 });
    news("b", { epochsDone: 4, finished: 2, done: 0.5 });
  } finally {
    written.mockRestore();
    now.mockRestore();
  }
  const times = said.map((line) => /^\d\d:\d\d:\d\d /.test(line));
  expect(times).toEqual([true, true, true, true]);
  expect(said.map((line) => line.slice(9))).toEqual([
    "1/3 c: trained in 20.0 s, explained variance 0.500, about 3 min left\n",
    "1/3 done; a: epoch 3/9, loss 0.5000; b: epoch 2.3/9, loss -, about 31 s left\n",
    "2/3 a: trained in 20.0 s, explained variance 0.500, about 62 s left\n",
    "2/3 done; b: epoch 4/9, loss 0.5000, about 62 s left\n",
  ]);
});
