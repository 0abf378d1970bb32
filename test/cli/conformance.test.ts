import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { saeOnnx, snapshot, temporaryFolder } from "./run.ts";

test("conformance writes the kit whole, and again over itself", () => {
  const out = join(temporaryFolder(), "kit");
  const { status, stdout, stderr } = saeOnnx("conformance", "--out", out);
  expect(status, stderr).toBe(0);
  const { cases } = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
  for (const { name, trap } of cases) {
    expect(stdout).toContain(`${name}: ${trap}\n`);
    for (const folder of ["cases", "expected"]) expect(existsSync(join(out, folder, `${name}.safetensors`))).toBe(true);
  }
  for (const name of ["README.md", "run.py"])
    expect(readFileSync(join(out, name), "utf8")).toBe(readFileSync(`src/pipeline/conformance/${name}`, "utf8"));
  const before = snapshot(join(out, "expected"));
  writeFileSync(join(out, "expected/relu.safetensors"), "spoilt");
  const again = saeOnnx("conformance", "--out", out, "--json");
  expect(again.status).toBe(0);
  expect(JSON.parse(again.stdout).cases).toEqual(cases);
  expect(snapshot(join(out, "expected"))).toEqual(before);
});

test("a folder of other files is left alone", () => {
  const out = temporaryFolder();
  writeFileSync(join(out, "mine.txt"), "x");
  mkdirSync(join(out, "sub"));
  const before = snapshot(out);
  const { status, stderr } = saeOnnx("conformance", "--out", out);
  expect(status).toBe(1);
  expect(stderr).toBe(`error: ${out}: is there and holds other files; name another folder with --out\n`);
  expect(snapshot(out)).toEqual(before);
});
