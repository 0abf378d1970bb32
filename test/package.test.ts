import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const manifest = JSON.parse(readFileSync("package.json", "utf8"));

describe("package.json", () => {
  test("types come first in every condition, browser before default", () => {
    const entry = manifest.exports["."];
    expect(Object.keys(entry)).toEqual(["browser", "default"]);
    const { ".": _, "./package.json": __, ...others } = manifest.exports;
    for (const condition of Object.values<Record<string, string>>({ ...entry, ...others }))
      expect(Object.keys(condition)).toEqual(["types", "default"]);
    expect(Object.keys(others)).toEqual(expect.arrayContaining(["./node", "./browser"]));
  });

  test("versions are exact", () => {
    for (const group of ["dependencies", "optionalDependencies", "devDependencies", "peerDependencies"])
      for (const [name, version] of Object.entries<string>(manifest[group]))
        expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

test("examples run", () => {
  for (const example of readdirSync("examples").filter((name) => name.endsWith(".mjs"))) {
    const { status, stdout, stderr } = spawnSync("node", [join("examples", example)], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
    const [analytic, numeric] = [...stdout.matchAll(/(-?\d+\.\d+) by/g)].map(([, n]) => Number(n));
    expect(analytic).toBeCloseTo(numeric!, 3);
    expect(stdout).toContain("found w = [1.50, -2.00, 0.50], b = 0.25");
  }
});

test("the declarations that the build leaves name each other and nothing that went, and none is of a command", () => {
  const left = readdirSync("dist", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts"));
  expect(left.length).toBeGreaterThan(100);
  expect(left).toEqual(expect.arrayContaining(["node.d.ts", "browser.d.ts", join("worker", "wasm.d.ts")]));
  expect(left.filter((name) => name.startsWith("cli"))).toEqual([]);
  for (const name of left)
    for (const [, to] of readFileSync(join("dist", name), "utf8").matchAll(/(?:from |import\()"(\.[^"]+)\.[jt]s"/g))
      expect(left, `${name} names ${to}`).toContain(join(dirname(name), `${to}.d.ts`));
});
