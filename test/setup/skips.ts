import type { Reporter, TestModule, Vitest } from "vitest/node";
import { maySkip } from "./maySkip.ts";

/** A test that was skipped, and why, where it says so: by `skip(why)`, or `(skipped: why)` in its name. */
interface Skip {
  readonly name: string;
  readonly why: string;
}

/**
 * Says at the end what was skipped and what it needs. Where `CI` is `true` a test that is not in the list of maySkip.ts must not
 * be: the run fails.
 */
export default class Skips implements Reporter {
  readonly #may: Readonly<Record<string, string>>;
  #isPart = false;

  /** Vitest makes it with options, none of them given. */
  constructor({ may = maySkip }: { readonly may?: Readonly<Record<string, string>> } = {}) {
    this.#may = may;
  }

  onInit(vitest: Vitest): void {
    // With -t all other tests count as skipped.
    this.#isPart = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skips = this.#isPart ? [] : modules.flatMap(skipsOf);
    if (skips.length === 0) return;
    const whys = new Map<string, number>();
    for (const { name, why } of skips) {
      const because = this.#listed(name) ?? (why || name);
      whys.set(because, (whys.get(because) ?? 0) + 1);
    }
    const lines = [...whys].map(([why, count]) => `  ${count} ${count === 1 ? "test" : "tests"}: ${why}`);
    console.error(`${skips.length} skipped:\n${lines.join("\n")}\n`);
    const wrong = skips.filter(({ name }) => this.#listed(name) === undefined);
    if (process.env.CI !== "true" || wrong.length === 0) return;
    const names = wrong.map(({ name, why }) => `  ${name}${why && ` (${why})`}`);
    console.error(
      `CI=true, and ${wrong.length} of them are not listed in test/setup/maySkip.ts:\n${names.join("\n")}\n`,
    );
    process.exitCode = 1;
  }

  #listed(name: string): string | undefined {
    return Object.entries(this.#may).find(([part]) => name.includes(part))?.[1];
  }
}

const skipsOf = (module: TestModule): Skip[] =>
  [...module.children.allTests("skipped")].map((test) => {
    const name = `${module.relativeModuleId} > ${test.fullName}`;
    const { note } = test.result() as { readonly note?: string };
    return { name, why: note ?? /\(skipped: (.*?)\)(?: >|$)/.exec(name)?.[1] ?? "" };
  });
