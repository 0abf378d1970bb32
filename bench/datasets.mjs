// The activations that are compared on, by name, and their sizes.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";

const cli = "dist/cli/main.js";

/** Paths by name; the stand-in is made when it is first asked for. */
export const datasets = {
  embedded: () => "examples/data/use-lite-resid0-pos3.safetensors",
  smollm2: () => "examples/data/smollm2-resid14-last.safetensors",
  "stand-in": () => {
    const path = "bench/data/stand-in.safetensors";
    mkdirSync("bench/data", { recursive: true });
    if (!existsSync(path)) execFileSync("node", [cli, "synth", "--out", path], { stdio: "inherit" });
    return path;
  },
};

/** Rows and dims of a set, and how many of the rows train. */
export function sizesOf(path) {
  const text = execFileSync("node", [cli, "inspect", path, "--json"], { encoding: "utf8" });
  const [rows, inputDim] = JSON.parse(text).tensors.activations.shape;
  return { rows, inputDim, trainRows: String(Math.floor(0.8 * rows)) };
}
