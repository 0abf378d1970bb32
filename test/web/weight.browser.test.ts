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
