import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { expect, test } from "vitest";

/** Every module that a file loads before it runs, own ones as paths: imports that are written at the top, not those made later. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  seen.add(file);
  if (!existsSync(file)) return seen;
  const text = readFileSync(file, "utf8");
  for (const [, , name] of text.matchAll(/^(import|export)\b[^;]*?\bfrom\s*"([^"]+)";/gm)) {
    const next = name!.startsWith(".") ? join(dirname(file), name!) : name!;
    if (!seen.has(next)) loadedBy(next, seen);
  }
  return seen;
}

test("help loads the parser of the command line, and nothing that trains, measures or draws", () => {
  const loaded = [...loadedBy("dist/cli/main.js")];
  expect(loaded.filter((name) => !name.startsWith("dist/")).sort()).toEqual([
    "fastest-levenshtein",
    "node:fs",
    "node:os",
    "node:path",
    "yargs",
    "yargs/helpers",
  ]);
  expect(loaded.filter((name) => name.startsWith("dist/") && !/^dist\/(cli|util)\//.test(name))).toEqual([]);
});

test("a verb loads the runtime only when it needs it", () => {
  const train = [...loadedBy("dist/cli/commands/train.js")];
  expect(train.length).toBeGreaterThan(30);
  expect(train.filter((name) => /^(onnxruntime|vega|@resvg|playwright)/.test(name))).toEqual([]);
});
