import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { describe, expect, test } from "vitest";
import { verbs } from "../src/cli/commands/index.ts";
import { architectureFlags, trainFlags } from "../src/cli/trainFlags.ts";
import { stepNames } from "../src/config/config.ts";
import { parts } from "../src/export/freeze.ts";
import { targets } from "../src/export/targets/index.ts";
import { weightTypes } from "../src/export/weights/index.ts";
import { formats, writtenNames } from "../src/formats/index.ts";
import { providers } from "../src/runtime/providers.node.ts";
import { wrappers } from "../src/train/wrappers/index.ts";

const pages = [
  ...["README.md", "CONTRIBUTING.md", "src/train/steps/live/README.md"],
  ...readdirSync("docs").map((name) => join("docs", name)),
];
const textOf = (file: string) => readFileSync(file, "utf8");
const withoutCode = (text: string) => text.replace(/^(```).*?^```$/gms, "");

/** What a heading is called in an address: lower case, no punctuation, hyphens for spaces; as GitHub does it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
const anchorsIn = (file: string) =>
  [...withoutCode(textOf(file)).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));

/** Links to files and headings of the repository: from an address on the web there is nothing to check. */
const linksIn = (file: string) =>
  [...withoutCode(textOf(file)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^[a-z]+:/.test(link));

describe.each(pages)("%s", (page) => {
  test("every link leads to a file, and to a heading of it", () => {
    for (const link of linksIn(page)) {
      const [path, anchor] = link.split("#") as [string, string?];
      const file = path === "" ? page : normalize(join(dirname(page), path));
      expect(existsSync(file), `${link} in ${page}`).toBe(true);
      if (anchor !== undefined) expect(anchorsIn(file), `${link} in ${page}`).toContain(anchor);
    }
  });

  test("every file of source that it names is there", () => {
    for (const [path] of textOf(page).matchAll(/\b(src|test|bench|examples)\/[\w./*-]+\.(ts|mjs|sh|py)\b/g))
      if (!path.includes("NAME")) expect(existsSync(path), `${path} in ${page}`).toBe(true);
  });

  test("every sae-onnx command has only flags that exist", async () => {
    const commands = textOf(page).replaceAll("\\\n", " ");
    for (const [, verb, rest] of commands.matchAll(/sae-onnx (?:-- )?([a-z-]+) ([^`\n]*--[^`\n]*)/g)) {
      expect(Object.keys(verbs), `${page}: sae-onnx ${verb}`).toContain(verb);
      const { options } = await verbs[verb!]!.load();
      for (const [, flag] of rest!.matchAll(/--([a-z-]+[a-z])/g))
        expect(Object.keys(options), `${page}: ${verb} --${flag}`).toContain(flag);
    }
  });
});

test("links and commands are found", () => {
  expect(pages.flatMap(linksIn).length).toBeGreaterThan(40);
  expect(linksIn("README.md")).toContain("docs/providers.md#parity-of-providers");
  expect(anchorsIn("docs/providers.md")).toContain("parity-of-providers");
  expect(textOf("README.md").match(/sae-onnx (?:-- )?[a-z-]+ [^`\n]*--/g)!.length).toBeGreaterThanOrEqual(2);
});

describe("pages name everything there is", () => {
  const tables = {
    "docs/providers.md": { providers },
    "docs/runtimes.md": { targets, parts, weightTypes },
    "docs/formats.md": { formats },
    "docs/how-it-works.md": { wrappers, steps: Object.fromEntries(stepNames.map((name) => [name, name])) },
  };
  for (const [page, names] of Object.entries(tables))
    for (const [what, table] of Object.entries(names))
      test.each(Object.keys(table))(`${page}: %s of ${what}`, (name) =>
        expect(textOf(page)).toMatch(new RegExp(`^\\| \`${name}\``, "m")),
      );
});

test.each(Object.keys(trainFlags).filter((flag) => !Object.hasOwn(architectureFlags, flag)))(
  "docs/training.md says what --%s is",
  (flag) => expect(textOf("docs/training.md")).toMatch(new RegExp(`\`(sae-onnx train )?[^\`]*--${flag}\\b`)),
);

test.each(Object.keys(formats))("docs/formats.md says of %s whether it is written", (name) => {
  const [, exported] = textOf("docs/formats.md").split("## Export");
  expect(exported!.includes(`| \`${name}\``)).toBe((writtenNames as readonly string[]).includes(name));
});

test("README leads to every page of docs/", () => {
  const linked = linksIn("README.md").map((link) => link.split("#")[0]);
  for (const name of readdirSync("docs")) expect(linked).toContain(`docs/${name}`);
});
