import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

test.each(["wasm", "webgpu"])(
  "the page with its worker for %s is under 600 kB gzipped, without the .wasm file",
  (worker) => {
    const folder = "dist/web/assets";
    const other = worker === "wasm" ? "webgpu" : "wasm";
    const files = readdirSync(folder).filter((name) => !name.endsWith(".wasm") && !name.startsWith(`${other}-`));
    expect(files.some((name) => name.startsWith(`${worker}-`))).toBe(true);
    const paths = [...files.map((name) => join(folder, name)), "dist/web/index.html"];
    const bytes = paths.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
    expect(bytes).toBeGreaterThan(200_000);
    expect(bytes).toBeLessThan(600_000);
  },
);

test("what the page itself loads before the engine is under 60 kB gzipped", () => {
  const html = readFileSync("dist/web/index.html", "utf8");
  const first = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map(([, path]) => path!);
  expect(first.length).toBeGreaterThan(0);
  // What these import, and so is fetched with them.
  const all = new Set(first);
  for (const path of all)
    for (const [, next] of readFileSync(join("dist/web", path), "utf8").matchAll(/from"\.\/([\w-]+\.js)"/g))
      all.add(`assets/${next}`);
  const bytes = [...all].reduce((sum, path) => sum + gzipSync(readFileSync(join("dist/web", path))).length, 0);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(60_000);
});
