import { describe, expect, test } from "vitest";
import { cpu } from "../../src/runtime/cpu.node.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { wasm } from "../../src/runtime/web.ts";
import { train } from "../../src/train/train.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { cases, oneForm } from "../sae/cases.ts";
import { agrees, apart, trained, x } from "./agrees.ts";

describe.each(cases)("$name on the CPU", ({ config: configOf, architecture }) => {
  const config = configOf({ step: "dense" });

  test.each(["scan", "single"] as const)(
    `%s gives Loop's ${oneForm(architecture) ? "bits, and its numbers from the padded batch on" : "numbers"}`,
    async (wrapper) => {
      const [loop, other] = [await trained(cpu, config, "loop"), await trained(cpu, config, wrapper)];
      if (oneForm(architecture)) expect(other.afterFull).toEqual(loop.afterFull);
      expect(apart(other.state, loop.state)).toBeLessThan(1e-6);
      expect(other.state.steps_since_fired).toEqual(loop.state.steps_since_fired);
      for (const [i, loss] of loop.losses.entries()) expect(Math.abs(other.losses[i]! / loss - 1)).toBeLessThan(1e-6);
    },
  );

  test("epochs divided into runs in any way give the same bytes", async () => {
    const runs = [1, 2, 3].map((epochsPerRun) => train(cpu, config, x, { threads: 1, wrapper: "scan", epochsPerRun }));
    const [one, ...others] = await Promise.all(runs);
    for (const other of others) expect(other).toEqual(one);
  });

  test.each(["loop", "scan", "single"] as const)(
    "an epoch of %s divided into runs gives the same bytes",
    async (wrapper) => {
      const whole = await train(cpu, config, x, { threads: 1, wrapper, epochsPerRun: 1 });
      const { runtime, steps } = counted();
      const news: number[] = [];
      // No time at all: every run is a single step.
      const options = { threads: 1, wrapper, secondsPerRun: 0, onPause: async (done: number) => void news.push(done) };
      expect(await train(runtime, config, x, options)).toEqual(whole);
      if (wrapper !== "single") expect(steps).toEqual(Array(15).fill(1));
      const shown = [0, 1, 2].flatMap((n) => ["24", "48", "72", "96"].map((hundredths) => `${n}.${hundredths}`));
      expect(news.map((done) => done.toFixed(2))).toEqual(shown);
    },
  );
});

/** The CPU, noting how many steps each run had. */
function counted(): { runtime: Runtime; steps: number[] } {
  const steps: number[] = [];
  const runtime: Runtime = {
    provider: "cpu",
    async open(model, options) {
      const session = await cpu.open(model, options);
      return {
        ...session,
        run(feeds) {
          steps.push((feeds.batches ?? feeds.scale)!.dims[0]!);
          return session.run(feeds);
        },
      };
    },
  };
  return { runtime, steps };
}

test("live rows need Loop", async () => {
  const config = cases[0]!.config({ step: "live" });
  for (const wrapper of ["scan", "single"] as const)
    await expect(Trainer.open(cpu, config, x, { wrapper })).rejects.toThrow(
      `step live carries rows that grow, which wrapper ${wrapper} cannot; use step dense`,
    );
});

describe.each(cases)("$name trains and evaluates as on the CPU", ({ config: configOf }) => {
  const config = configOf({ step: "dense" });
  test("on WebAssembly", () => agrees(wasm, config, 1e-5));
});
