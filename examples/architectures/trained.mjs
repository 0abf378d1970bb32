import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const flagsOf = (values) => Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);

/** The sets that are compared on. The stand-in is made when it is first asked for. */
export function dataset(name) {
  if (name === "embedded") return ["--data", "examples/data/use-lite-resid0-pos3.safetensors"];
  if (name !== "stand-in") return ["--data", name];
  mkdirSync("models/architectures", { recursive: true });
  const file = "models/architectures/stand-in.safetensors";
  // A file of the same numbers is left as it is.
  execFileSync(process.execPath, [cli, "synth", "--out", file, "--quiet"], { stdio: ["ignore", "ignore", "inherit"] });
  return ["--data", file];
}

/**
 * Trains what is not there yet, by the command line, and gives the records of the metrics file: so what is interrupted goes on. `values` are
 * flags without their dashes; lists make a grid.
 */
export function trained(data, folder, values) {
  const out = `models/architectures/${folder}`;
  const given = flagsOf({ "no-keep-state": "", out, quiet: "", threads: 1, ...values }).filter((one) => one !== "");
  execFileSync(process.execPath, [cli, "train", ...data, ...given], { stdio: ["ignore", "ignore", "inherit"] });
  return JSON.parse(readFileSync(`${out}/${values.name ?? "sae"}.metrics.json`, "utf8")).rows;
}

export const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

/** Half the range of some numbers, as a spread that few of them allow. */
export const spread = (numbers) => (Math.max(...numbers) - Math.min(...numbers)) / 2;

/** A markdown table. */
export const table = (head, rows) =>
  [head, head.map((_, i) => (i === 0 ? "---" : "--:")), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
