import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/run.ts";
import { lacking, python } from "../python/python.mjs";
import { kitFolder } from "./kit.ts";

const missing = lacking("numpy", "torch", "safetensors");

/** The cases that must catch each fault; others may too. */
const caught: Readonly<Record<string, readonly string[]>> = {
  TopKReadAsRelu: ["topk", "topk-few"],
  SignsDropped: ["abstopk", "abstopk-ties"],
  DecoderBiasTakenOffATranscodersInput: ["transcoder-same-width"],
  FoldingForgetsDecoderBias: ["topk-factor", "relu-centred"],
  ScaledInputUnscaledOutput: ["topk-factor", "topk-layer-norm", "topk-constant-norm"],
  FactorLost: ["topk-factor", "jumprelu-factor"],
  RoundedToBfloat16: ["jumprelu-threshold-float32", "topk-float16"],
  ThresholdRoundedToBfloat16: ["jumprelu-threshold-float32"],
  KeepsAllTies: ["topk-ties", "abstopk-ties"],
  DecoderNormLeftOut: ["jumprelu-decoder-norm"],
  RescalingLeftOut: ["topk-rescaled"],
  SquareMatrixTransposed: ["relu-square"],
  ZeroRowIsNaN: ["topk-constant-norm"],
  AlwaysTakesDecoderBiasOff: ["relu", "topk", "abstopk", "jumprelu", "gated"],
  NeverTakesDecoderBiasOff: [
    "relu-b_dec-in",
    "topk-b_dec-in",
    "abstopk-b_dec-in",
    "jumprelu-b_dec-in",
    "gated-b_dec-in",
  ],
  BatchTopKOfTheBatch: ["batchtopk"],
  KeptAtTheThreshold: ["jumprelu-at-threshold"],
  GainIsNoExponent: ["gated"],
  GroupMaxAsTopK: ["groupmax"],
  StandardDeviationOfN: ["topk-layer-norm"],
};

describe.skipIf(missing)(`the conformance kit and numpy${missing && ` (skipped: ${missing})`}`, () => {
  let kit = "";
  const check = (...command: string[]) =>
    spawnSync(python, [join(kit, "run.py"), ...command], { encoding: "utf8", env: { ...process.env, KIT: kit } });
  const byShell = (script: string) => check("bash", "-c", script, "bash");
  const reference = "test/conformance/reference.py";
  beforeAll(async () => {
    kit = await kitFolder();
  });

  test("the reference is right in all", () => {
    const { status, stdout, stderr } = check(python, reference, kit);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/\n\d+ right, 0 wrong, 0 not computed\n$/);
    expect(stdout).toContain("topk-ties: right (ties: the lower latent in 6 of 6 rows)");
    expect(status).toBe(0);
  });

  test("every fault is caught, the reference has none", () => {
    const { stdout, stderr } = spawnSync(python, ["test/conformance/mutants.py", kit], { encoding: "utf8" });
    expect(stderr).toBe("");
    const { Sae, ...found } = JSON.parse(stdout) as Record<string, string[]>;
    expect(Sae).toEqual([]);
    expect(Object.keys(found).sort()).toEqual(Object.keys(caught).sort());
    for (const [fault, cases] of Object.entries(caught))
      expect(found[fault], fault).toEqual(expect.arrayContaining([...cases]));
  });

  test("what is left out is counted apart; nothing at all is an error", () => {
    const some = byShell(`${python} ${reference} $KIT $1 $2 && rm $2/topk*`);
    expect(some.stdout).toMatch(/\ntopk-ties: not computed\n/);
    expect(some.stdout).toMatch(/\d+ right, 0 wrong, 11 not computed\n$/);
    expect(some.status).toBe(0);
    const none = byShell("true");
    expect(none.stdout).toMatch(/^0 right, 0 wrong, \d+ not computed$/m);
    expect(none.status).toBe(1);
  });

  test.each([
    [
      "a command that fails",
      "exit 3",
      /^error: bash ended with code 3; leave out what cannot be computed, and end with 0\n$/,
    ],
    ["no file of tensors", "echo x > $2/relu.safetensors", /^relu: its file cannot be read: /m],
    ["no latents", "cp $1/topk.safetensors $2/relu.safetensors", /^relu: latents: missing, wanted \[\d+, 48\]$/m],
  ])("%s is one clear line, and code 1", (_, script, message) => {
    const { status, stdout, stderr } = byShell(script);
    expect(stdout + stderr).toMatch(message);
    expect(stdout + stderr).not.toContain("Traceback");
    expect(status).toBe(1);
  });

  test("no command, none that is there, and a kit that was changed, are one clear line each", async () => {
    expect(check().stderr).toMatch(/^error: which command\?/);
    expect(check("no-such-command").stderr).toMatch(/^error: no-such-command cannot be run: /);
    const changed = await kitFolder();
    copyFileSync(join(changed, "expected/relu.safetensors"), join(changed, "expected/topk.safetensors"));
    const { status, stderr } = spawnSync(python, [join(changed, "run.py"), "true"], { encoding: "utf8" });
    expect(stderr).toMatch(
      /^error: .*topk\.safetensors is missing or not what the manifest lists; write the kit again\n$/,
    );
    expect(status).toBe(1);
  });

  test("its .safetensors are those that the library safetensors reads and writes", () => {
    const folder = temporaryFolder();
    const script = `
import sys; sys.path.insert(0, ${JSON.stringify(kit)})
import numpy, run, safetensors, safetensors.torch, torch
for name in ("topk", "topk-float16", "topk-bfloat16"):
    path = ${JSON.stringify(kit)} + f"/cases/{name}.safetensors"
    theirs = safetensors.torch.load_file(path)
    ours, metadata = run.read(path)
    assert metadata == safetensors.safe_open(path, "pt").metadata()
    for key, value in theirs.items():
        assert numpy.array_equal(value.float().numpy(), ours[key].astype("f4")), (name, key)
run.write(${JSON.stringify(join(folder, "a"))}, ours)
again = safetensors.torch.load_file(${JSON.stringify(join(folder, "a"))})
assert all(numpy.array_equal(again[key].numpy(), value) for key, value in ours.items())
print("same")`;
    writeFileSync(join(folder, "a.py"), script);
    const { stdout, stderr } = spawnSync(python, [join(folder, "a.py")], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toBe("same\n");
    expect(readFileSync(join(folder, "a")).length).toBeGreaterThan(1000);
  });
});
