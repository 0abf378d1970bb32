import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { describe, expect, test } from "vitest";

const below = [
  "util",
  "onnx",
  "graph",
  "autodiff",
  "optim",
  "sae",
  "metrics",
  "data",
  "runtime",
  "config",
  "checkpoint",
  "train",
  "export",
  "formats",
  "conformance",
  "evaluate",
  "probe",
  "record",
  "report",
  "features",
  "harvest",
];

/** The rooms of src/, and which others each may import; what those may import, it may too. */
const rooms: Record<string, readonly string[]> = {
  util: [],
  onnx: ["util"],
  graph: ["onnx"],
  autodiff: ["graph"],
  optim: ["graph"],
  sae: ["graph"],
  metrics: ["graph"],
  data: ["util"],
  runtime: ["util"],
  config: ["sae", "optim"],
  checkpoint: ["config", "data"],
  train: ["autodiff", "checkpoint", "runtime"],
  export: ["checkpoint", "metrics"],
  formats: ["checkpoint"],
  conformance: ["export", "formats"],
  evaluate: ["onnx", "runtime", "data", "metrics"],
  probe: ["autodiff", "optim", "evaluate"],
  record: ["checkpoint", "evaluate"],
  report: ["record"],
  features: ["report"],
  harvest: ["onnx", "runtime", "data"],
  pipeline: below,
  worker: [...below, "pipeline"],
  api: [...below, "pipeline", "worker"],
  cli: [...below, "pipeline", "index.ts", "node.ts"],
  web: ["browser.ts"],
  "index.ts": [...below, "pipeline", "worker", "api"],
  "node.ts": [...below, "pipeline", "api", "index.ts", "browser.ts"],
  "browser.ts": [...below, "pipeline", "worker", "api", "index.ts", "node.ts"],
};

/** Rooms whose imports do not pass on: the page sees the library from outside. */
const opaque = new Set(["browser.ts"]);

/** A room and everything it may import, and what that may import. */
function reach(room: string, seen = new Set<string>()): Set<string> {
  for (const next of rooms[room] ?? []) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (!opaque.has(next)) reach(next, seen);
  }
  return seen;
}

const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => /\.(ts|js|tsx)$/.test(file));
const source = (file: string) => readFileSync(join("src", file), "utf8");
const roomOf = (file: string): string => file.split("/")[0]!;

/** What a file imports, types too: paths under src/ for its own, names for packages. */
const importsOf = (file: string): string[] => importsIn(file, source(file));

/** What it imports when it runs. */
const loadedBy = (file: string): string[] =>
  importsIn(file, source(file).replace(/^(import|export) type [^;]*;/gm, ""));

const importsIn = (file: string, text: string): string[] =>
  [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g)].map(([, name]) =>
    name!.startsWith(".") ? join(dirname(file), name!) : name!,
  );
const isOwn = (name: string) => files.includes(name);

/** Where Node's modules may be: the command line, the entry for Node, and files that say so in their name. */
const isNodeFile = (file: string) => roomOf(file) === "cli" || file === "node.ts" || file.endsWith(".node.ts");
const isNodeModule = (name: string) => name.startsWith("node:") || name === "onnxruntime-node";

describe("the rooms of src/", () => {
  test("are the ones listed, and files are read", () => {
    const found = [...new Set(files.map(roomOf))];
    expect(found.filter((room) => !(room in rooms))).toEqual([]);
    expect(importsOf("graph/ops.ts")).toContain("util/errors.ts");
    expect(importsOf("runtime/cpu.node.ts")).toContain("onnxruntime-node");
    expect(importsOf("runtime/providers.node.ts")).toContain("runtime/web.ts");
  });

  test.each(Object.keys(rooms))("%s imports only from below", (room) => {
    const allowed = new Set([room, ...reach(room)]);
    const wrong = files
      .filter((file) => roomOf(file) === room)
      .flatMap((file) =>
        importsOf(file)
          .filter(isOwn)
          .filter((name) => !allowed.has(roomOf(name)))
          .map((name) => `${file} imports ${name}`),
      );
    expect(wrong).toEqual([]);
  });

  test("every relative import is a file that is there", () => {
    const missing = files.flatMap((file) =>
      importsOf(file)
        .filter((name) => /\.ts$/.test(name) && !isOwn(name))
        .map((name) => `${file} imports ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

describe("what runs in a browser", () => {
  const importers = (wanted: (name: string) => boolean) =>
    files.filter((file) => !isNodeFile(file) && loadedBy(file).some(wanted));

  test("node:* and onnxruntime-node are in cli, node.ts and *.node.ts only", () => {
    expect(importers(isNodeModule)).toEqual([]);
  });

  test("*.node.ts is loaded by those only", () => {
    expect(importers((name) => isOwn(name) && isNodeFile(name))).toEqual([]);
  });

  test("onnxruntime-web is in runtime/web.ts and the workers of browsers only", () => {
    expect(files.filter((file) => importsOf(file).some((name) => name.startsWith("onnxruntime-web"))).sort()).toEqual([
      "runtime/web.ts",
      "worker/wasm.ts",
      "worker/webgpu.ts",
    ]);
  });

  test.each(["index.ts", "browser.ts", "web"])("%s reaches nothing of Node", (start) => {
    const seen = new Set<string>();
    const stack = files.filter((file) => roomOf(file) === start);
    for (let file = stack.pop(); file !== undefined; file = stack.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      if (isOwn(file)) stack.push(...loadedBy(file));
    }
    expect([...seen].filter(isNodeModule)).toEqual([]);
  });
});

describe("sizes", () => {
  const sizes = files
    .map((file) => ({ file, lines: source(file).split("\n").length }))
    .sort((a, b) => a.lines - b.lines);

  test("no file is over 400 lines", () => {
    expect(sizes.filter(({ lines }) => lines > 400)).toEqual([]);
  });

  test("the median is under 150", () => {
    expect(sizes[Math.floor(sizes.length / 2)]!.lines).toBeLessThan(150);
  });
});
