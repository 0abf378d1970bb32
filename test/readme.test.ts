import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { verbs } from "../src/cli/commands/index.ts";
import { describedKeys } from "../src/metrics/index.ts";
import { providers } from "../src/runtime/providers.node.ts";
import { architectures } from "../src/sae/index.ts";

const readme = readFileSync("README.md", "utf8");

describe("README names everything there is", () => {
  const names = { verbs, architectures, providers };
  for (const [what, table] of Object.entries(names))
    test.each(Object.keys(table))(`${what}: %s`, (name) => expect(readme).toContain(`\`${name}`));
});

describe("documents that README points at name the rest", () => {
  const [metrics, kinds] = ["metrics", "architectures"].map((name) => readFileSync(`docs/${name}.md`, "utf8"));

  test.each(Object.keys(describedKeys))("metric %s", (key) => expect(metrics).toContain(`\`${key}\``));

  test.each(Object.values(architectures))("$name with its presets", ({ name, presets }) => {
    expect(kinds).toContain(`\`${name}\``);
    for (const preset of Object.keys(presets)) expect(kinds).toContain(`\`${preset}\``);
  });
});

test("npm start gives each SAE one thread: README's table holds on any number of cores", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(scripts.start).toMatch(/ train .* --threads 1( |$)/);
});

describe("README is read in five minutes", () => {
  test("it has fewer than 250 lines", () => expect(readme.trimEnd().split("\n").length).toBeLessThan(250));

  test("its lines have at most 120 characters, rows of tables and what commands print apart", () => {
    // A block without a language is what a command prints.
    const written = readme.replace(/^```(\w*)\n.*?^```$/gms, (block, language) => (language ? block : ""));
    const long = written.split("\n").filter((line) => !line.startsWith("|") && line.length > 120);
    expect(long).toEqual([]);
  });
});
