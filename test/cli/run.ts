import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeNpy } from "../../src/data/npy.ts";
import { random } from "../../src/util/random.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";

const main = "dist/cli/main.js";

/** The built command line, run to its end. */
export function saeOnnx(...args: string[]) {
  const { status, stdout, stderr } = spawnSync("node", [main, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

/** As `saeOnnx`, and what it took: its memory at most, and the bytes it read, modules included. */
export function saeOnnxMeasured(...args: string[]) {
  const file = join(temporaryFolder(), "usage.json");
  const command = ["--import", "./test/cli/usage.mjs", main, ...args];
  const { status, stdout, stderr } = spawnSync("node", command, {
    encoding: "utf8",
    env: { ...process.env, USAGE: file },
  });
  const usage = JSON.parse(readFileSync(file, "utf8")) as { peakBytes: number; bytesRead: number };
  return { status, stdout, stderr, ...usage };
}

/** The built command line, while it runs. */
export const startSaeOnnx = (...args: string[]) =>
  spawn("node", [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), "sae-onnx-"));

/** Every file of a folder and its bytes; folders in it by name. */
export const snapshot = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((one) => [one.name, one.isFile() ? readFileSync(join(folder, one.name), "base64") : "folder"]),
  );

/** Rows that are sums of a few known directions, around a mean that is not zero. */
export function sparseRows(rows: number, width: number, seed = 1): HostTensor<"float32"> {
  const rng = random(seed, "test rows");
  const directions = Array.from({ length: 2 * width }, () => Array.from({ length: width }, () => rng.normal()));
  const data = new Float32Array(rows * width).fill(0.3);
  for (let row = 0; row < rows; row++)
    for (let n = 0; n < 4; n++) {
      const direction = directions[rng.below(directions.length)]!;
      const size = 0.5 + rng.uniform();
      for (let i = 0; i < width; i++) data[row * width + i]! += size * direction[i]!;
    }
  return tensor("float32", [rows, width], data);
}

export const npy = (value: HostTensor): Uint8Array => writeNpy(value);
