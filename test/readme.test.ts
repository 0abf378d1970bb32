import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { verbs } from "../src/cli/commands/index.ts";
import { metricKeys } from "../src/metrics/index.ts";
import { providers } from "../src/runtime/providers.node.ts";
import { architectures } from "../src/sae/index.ts";

const readme = readFileSync("README.md", "utf8");

describe("README names everything there is", () => {
  const names = { verbs, architectures, metricKeys, providers };
  for (const [what, table] of Object.entries(names))
    test.each(Object.keys(table))(`${what}: %s`, (name) => expect(readme).toContain(`\`${name}`));

  test.each(Object.values(architectures))("presets and options of $name", ({ presets }) => {
    for (const preset of Object.keys(presets)) expect(readme).toContain(`\`${preset}\``);
  });
});

test("every sae-onnx command in README has only flags that exist", async () => {
  const lines = [...readme.matchAll(/sae-onnx (?:-- )?([a-z-]+) ([^`\n]*--[^`\n]*)/g)];
  expect(lines.length).toBeGreaterThanOrEqual(2);
  for (const [, verb, rest] of lines) {
    const { options } = await verbs[verb!]!.load();
    for (const [, flag] of rest!.matchAll(/--([a-z-]+)/g))
      expect(Object.keys(options), `${verb} --${flag}`).toContain(flag);
  }
});

test("every file README links to is there", () => {
  for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)/g)) expect(existsSync(path!), path).toBe(true);
});
