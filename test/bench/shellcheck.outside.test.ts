import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const shellcheck = spawnSync("shellcheck", ["--version"]).status === 0;
test.skipIf(!shellcheck)("gpu.sh passes shellcheck (needs Debian's shellcheck)", () => {
  expect(spawnSync("shellcheck", ["bench/gpu.sh"], { encoding: "utf8" }).stdout).toBe("");
});
