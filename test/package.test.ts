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

test("the declarations that the package leaves out are of files that no entry's types name", () => {
  const { files, exports } = manifest;
  const leftOut = (files as string[]).flatMap((one) => /^!(dist\/[\w/]+)\/.*\.d\.ts$/.exec(one)?.[1] ?? []);
  expect(leftOut).toContain("dist/cli");
  const named = new Set<string>();
  const follow = (file: string) => {
    if (named.has(file)) return;
    named.add(file);
    for (const [, to] of readFileSync(file, "utf8").matchAll(/(?:from |import\()"(\.[^"]+)\.[jt]s"/g))
      follow(join(dirname(file), `${to}.d.ts`));
  };
  for (const [entry] of JSON.stringify(exports).matchAll(/dist\/[\w/]+\.d\.ts/g)) follow(entry);
  expect(named.size).toBeGreaterThan(100);
  expect([...named].filter((file) => leftOut.some((folder) => file.startsWith(`${folder}/`)))).toEqual([]);
});
