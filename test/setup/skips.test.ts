import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const tests = `
test("runs", () => {});
test.skipIf(true)("draws (skipped: no display)", () => {});
describe.skipIf(true)("on a GPU (skipped: no GPU; buy one)", () => {
  test("adds", () => {});
  test("multiplies", () => {});
});
test("downloads", ({ skip }) => skip("no network"));
test("ends", () => {});
`;

/** A run of these tests, with \`may\` as the list of what may be skipped. */
function run(may: Readonly<Record<string, string>>, ci: string, ...more: string[]) {
  const folder = mkdtempSync(join(tmpdir(), "sae-onnx-skips-"));
  const reporter = JSON.stringify(resolve("test/setup/skips.ts"));
  writeFileSync(join(folder, "some.test.js"), tests);
  writeFileSync(
    join(folder, "vitest.config.mjs"),
    `import Skips from ${reporter};
    export default { test: { globals: true, reporters: [new Skips(${JSON.stringify({ may })})] } };`,
  );
  const { status, stderr } = spawnSync(
    process.execPath,
    [resolve("node_modules/vitest/vitest.mjs"), "run", "--root", folder, ...more],
    { encoding: "utf8", env: { ...process.env, CI: ci, FORCE_COLOR: "0", VITEST: undefined } },
  );
  return { status, stderr };
}

const listed = { "some.test.js > draws": "CI has no display", "> on a GPU": "CI has no GPU" };

test("a skipped test that is not listed fails the run where CI is true", () => {
  const { status, stderr } = run(listed, "true");
  expect(stderr).toContain(
    "CI=true, and 1 of them are not listed in test/setup/maySkip.ts:\n  some.test.js > downloads (no network)",
  );
  expect(stderr).not.toContain("some.test.js > on a GPU");
  expect(status).toBe(1);
});

test("listed ones do not, and are counted with their reason", () => {
  const { status, stderr } = run({ ...listed, downloads: "it has no network" }, "true");
  expect(stderr).toContain(
    "4 skipped:\n  1 test: CI has no display\n  2 tests: CI has no GPU\n  1 test: it has no network\n",
  );
  expect(stderr).not.toContain("CI=true");
  expect(status).toBe(0);
});

test("elsewhere it is said what they need", () => {
  const { status, stderr } = run({}, "");
  expect(stderr).toContain("4 skipped:\n  1 test: no display\n  2 tests: no GPU; buy one\n  1 test: no network\n");
  expect(status).toBe(0);
});

test("tests that -t leaves out count for nothing", () => {
  const { status, stderr } = run({}, "true", "-t", "ends");
  expect(stderr).not.toContain("skipped");
  expect(status).toBe(0);
});
