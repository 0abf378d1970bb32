import { describe, expect, test } from "vitest";
import { gradients } from "../../src/autodiff/gradients.ts";
import * as op from "../../src/graph/ops.ts";
import { cases, constant, refused, rowsOf } from "./cases.ts";
import { type Case, symbolic, vjp, written } from "./vjp.ts";

/** Not those whose case names the size itself. */
function takesNames(one: Case): boolean {
  try {
    written(one, symbolic);
    return true;
  } catch {
    return false;
  }
}

describe("gradient rules", () => {
  test.each(rowsOf(cases))("$name of $shapes agrees with finite differences", async ({ one }) => {
    const { analytic, numeric } = await vjp(one);
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    const tolerance = one.dtype === "float64" ? 1e-6 : 1e-3;
    expect(Math.abs(analytic - numeric)).toBeLessThan(tolerance * Math.max(1, Math.abs(numeric)));
  });

  test.each(rowsOf(cases).filter(({ one }) => takesNames(one)))(
    "$name of $shapes, its first size a name",
    async ({ one }) => {
      const { analytic, numeric } = await vjp(one, symbolic);
      const tolerance = one.dtype === "float64" ? 1e-6 : 1e-3;
      expect(Math.abs(analytic - numeric)).toBeLessThan(tolerance * Math.max(1, Math.abs(numeric)));
    },
  );

  test.each(rowsOf(constant))("$name of $shapes is constant", async ({ one }) => {
    const { analytic, numeric } = await vjp(one);
    expect(analytic).toBe(0);
    expect(Math.abs(numeric)).toBeLessThan(1e-9);
  });

  test.each(Object.entries(refused))("a gradient through %s is refused", (name, f) => {
    const x = op.input("float64", []);
    expect(() => gradients(f(x), { x })).toThrow(`no gradient is defined through ${name}`);
  });
});
