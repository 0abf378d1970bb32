import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const example = "examples/language-model";
const out = mkdtempSync(join(tmpdir(), "language-model-"));
afterAll(() => rmSync(out, { recursive: true }));

const node = (...args: string[]) => spawnSync("node", args, { encoding: "utf8" });

/** Why the model cannot be made here; nothing where it can. Nothing is downloaded for this. */
const missing = (() => {
  if (!existsSync("examples/text-encoder/node_modules"))
    return "npm ci --prefix examples/text-encoder brings the texts";
  const script = `import { readyPython } from "./${example}/python.mjs"; console.log(readyPython() ?? "");`;
  const found = node("--input-type=module", "-e", script).stdout.trim();
  return found ? "" : `no Python has its packages; node ${example}/run.mjs makes one`;
})();

describe(`examples/language-model${missing && ` (skipped: ${missing})`}`, () => {
  test.skipIf(missing)(
    "goes through the whole loop, on a small model with random weights and SmolLM2's tokenizer",
    { timeout: 240_000 },
    () => {
      const sizes = ["--tokens", "3000", "--latent-dim", "64", "--k", "8", "--block", "2", "--texts", "20"];
      const { status, stdout, stderr } = node(join(example, "run.mjs"), "--tiny", "--out", out, ...sizes);
      expect(status, stderr).toBe(0);
      for (const step of ["model", "texts", "harvest", "train", "features", "effect", "steer"])
        expect(stdout).toMatch(new RegExp(`^${step} +\\d+\\.\\d s$`, "m"));
      const { at, positions, losses } = JSON.parse(readFileSync(join(out, "effect.json"), "utf8"));
      expect({ at, positions }).toEqual({ at: "blocks.2", positions: "1.." });
      // Random weights predict nothing: each of 49,152 tokens has about the same chance.
      expect(Math.abs(losses.cross_entropy - Math.log(49152))).toBeLessThan(0.1);
      expect(losses.changes.reconstruction.kl).toBeGreaterThan(0);
      expect(losses.changes.reconstruction.kl).toBeLessThan(losses.changes.mean.kl);
      // Position 0 is not of those the SAE was trained on.
      expect(losses.positions[0]).toMatchObject({ from: 0, changes: { zero: { kl: 0 } } });
      expect(stdout).toMatch(/^steer \d+:[\d.]+: cross-entropy 10\.\d+, KL \d/m);
      const features = JSON.parse(readFileSync(join(out, "features", "features.json"), "utf8"));
      expect(Object.keys(features).length).toBeGreaterThan(3);
    },
  );
});
