import type { TestProject } from "vitest/node";
import { type Built, fresh } from "./fresh.ts";

/** The library and the command line in dist/, which some tests start as a process of its own. */
export const library: Built = {
  script: "build",
  file: "dist/worker/webgpu.js",
  from: ["src", "bundle.mjs", "tsconfig.json", "tsconfig.build.json"],
};

export default async (project: TestProject) => {
  project.onTestsRerun(() => fresh(library));
  await fresh(library);
};
