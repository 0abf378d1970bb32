import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

/** Files of these suffixes take long, need more than `npm ci` brings, or need the built page: `x.browser.test.ts`. */
const suffixes = ["slow", "outside", "browser", "ci"] as const;
const withSuffix = (name: (typeof suffixes)[number]) => [`test/**/*.${name}.test.ts`];
const withAny = suffixes.flatMap(withSuffix);

/** What starts the command line for nearly all it tests, as a process. */
const commandLine = ["test/cli/**/*.test.ts", "test/bench/**/*.test.ts"];

const project = (
  name: string,
  include: string[],
  test: TestProjectInlineConfiguration["test"],
  exclude: string[] = [],
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, include, exclude: [...configDefaults.exclude, ...exclude], ...test },
});
const library = { globalSetup: "test/setup/library.ts" };
const page = { globalSetup: "test/setup/page.ts" };

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: "100%",
    reporters: ["default", "./test/setup/skips.ts"],
    projects: [
      project("unit", ["test/**/*.test.ts"], library, [...withAny, ...commandLine]),
      project("cli", commandLine, library, withAny),
      project("slow", withSuffix("slow"), library),
      project("outside", withSuffix("outside"), page),
      // Not in npm test, which is for a few minutes.
      project("ci", withSuffix("ci"), page),
      // One file at a time, after all others: Chromium has threads of its own, and some tests look at the clock.
      project("browser", withSuffix("browser"), { ...page, maxWorkers: 1, sequence: { groupOrder: 1 } }),
    ],
  },
});
