import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const shellcheck = spawnSync("shellcheck", ["--version"]).status === 0;
const missing = shellcheck ? "" : " (skipped: apt-get install shellcheck)";

test.skipIf(missing)(`gpu.sh passes shellcheck${missing}`, () => {
  expect(spawnSync("shellcheck", ["bench/gpu.sh"], { encoding: "utf8" }).stdout).toBe("");
});
