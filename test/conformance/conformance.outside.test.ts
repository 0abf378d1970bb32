import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cases } from "../../src/conformance/cases.ts";
import { temporaryFolder } from "../cli/run.ts";
import { lacking, python } from "../python/python.mjs";
import { said, writeKit } from "./kit.ts";

const missing = lacking("numpy");
const folder = temporaryFolder();
const check = (...args: readonly string[]) =>
  spawnSync(python, ["-B", join(folder, "check.py"), ...args], { encoding: "utf8" });

beforeAll(() => writeKit(folder));

describe.skipIf(missing)(`the conformance kit${missing && ` (skipped: ${missing})`}`, () => {
  test("an implementation in numpy is right in every case, and each of its faults is caught", () => {
    const { "": right, ...faults } = said(folder, "implementation");
    expect(right).toEqual(Object.fromEntries(cases.map(({ name }) => [name, ""])));
    expect(Object.keys(faults).length).toBeGreaterThanOrEqual(10);
    for (const [fault, found] of Object.entries(faults))
      expect(Object.values(found).some(Boolean), `${fault} is caught`).toBe(true);
    // Each for what it is.
    const caught = (fault: string, name: string) => expect(faults[fault]![name], fault).toBeTruthy();
    caught("topk-as-relu", "topk");
    caught("batchtopk-as-relu", "batchtopk");
    caught("fold-without-b-dec", "relu-factor");
    caught("b-dec-on-transcoders", "transcoder");
    caught("signs-dropped", "abstopk");
    caught("b-dec-forgotten", "topk");
    caught("decoder-transposed", "relu-square");
    caught("bfloat16-threshold", "jumprelu-threshold");
    caught("rescale-forgotten", "topk-rescale");
    caught("k-of-the-batch", "batchtopk");
    caught("std-of-n", "topk-layer-norm");
    caught("autocast", "topk");
  });

  const own = [python, "test/conformance/implementation.py"];
  test("by files: right, wrong, refused, and what a command may do besides", () => {
    const right = check("--case", "topk-ties", "--", ...own);
    expect(right.stdout).toMatch(
      /^right {4}topk-ties; \d+ rows with ties, chosen as here, the lower number first\n1 right/,
    );
    expect(right.status).toBe(0);
    const wrong = check("--case", "topk", "--", ...own, "topk-as-relu");
    expect(wrong.stdout).toMatch(/^WRONG {4}topk \(the k largest, .*\): row \d+: latent \d+ is .* need 0; /);
    expect(wrong.status).toBe(1);
    expect(check("--case", "topk", "--", python, "-c", "exit(3)").stdout).toMatch(/^refused {2}topk/);
    expect(check("--case", "topk", "--", python, "-c", "").stdout).toMatch(/^WRONG .*No such file/);
    expect(check("--case", "topk", "--", python, "-c", "1/0").stdout).toMatch(/^WRONG .*ZeroDivisionError/);
    expect(check("--case", "none", "--", ...own).stderr).toMatch(/^error: no such case/);
    expect(check().status).toBe(1);
  });
});
