import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { notLoaded, whyNotLoaded } from "../../src/runtime/notLoaded.ts";
import { temporaryFolder } from "../cli/run.ts";

/** What Node says when a file that imports the package is imported; `index` is the package's own file, if it is there. */
function imported(index?: string): { code?: string; message: string } {
  const folder = temporaryFolder();
  if (index !== undefined) {
    const own = join(folder, "node_modules", "onnxruntime-node");
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "package.json"), '{"main":"index.cjs"}');
    writeFileSync(join(own, "index.cjs"), index);
  }
  const file = join(folder, "importing.mjs");
  writeFileSync(file, 'import "onnxruntime-node";');
  // In a process of its own: the test runner's import has errors of its own.
  const script = `import(${JSON.stringify(pathToFileURL(file).href)}).catch(({ code, message }) => console.log(JSON.stringify({ code, message })))`;
  const { stdout } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  return JSON.parse(stdout) as { code?: string; message: string };
}

test("a package that is not there is to be installed", () => {
  expect(whyNotLoaded("onnxruntime-node", imported())).toEqual([
    "the package onnxruntime-node is not installed",
    "npm install onnxruntime-node",
  ]);
});

test.each([
  [
    "its library misses another",
    'throw new Error("libstdc++.so.6: version `GLIBCXX_3.4.30\' not found\\n  (required)")',
  ],
  ["its binary is for another machine", 'require("./bin/napi-v6/linux/riscv64/onnxruntime_binding.node")'],
  ["a package that it needs is not there", 'require("onnxruntime-common")'],
])("one that is there and does not load says why: %s", (_, index) => {
  const cause = imported(index);
  const { message } = notLoaded("cpu", "onnxruntime-node", cause);
  expect(message).toMatch(
    /^provider cpu: the package onnxruntime-node is installed and does not load \(.*\); install it/,
  );
  expect(message).toContain(cause.message.split("\n")[0]);
  expect(message).not.toContain("\n");
});
