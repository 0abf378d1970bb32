import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";

const command = ["dist/cli/main.js", "inspect", "graphs/topk_report_d2048_k5.onnx"];

test.skipIf(process.platform !== "linux")("standard output on a full disk: one line, exit code 1", () => {
  const full = openSync("/dev/full", "w");
  const { status, stderr } = spawnSync("node", command, { stdio: ["ignore", full, "pipe"], encoding: "utf8" });
  closeSync(full);
  expect(stderr).toBe(
    "error: standard output: cannot write, no space left on the disk; free some or use another path\n",
  );
  expect(status).toBe(1);
});

test("a reader that has enough ends nothing", async () => {
  const child = spawn("node", command, { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  expect(await once(child, "close")).toEqual([0, null]);
  expect(stderr).toBe("");
});
