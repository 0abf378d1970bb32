import type { TestProject } from "vitest/node";
import { type Built, fresh } from "./fresh.ts";
import { library } from "./library.ts";

/** What browsers load, which is made of the built library. */
const page: readonly Built[] = [
  library,
  { script: "build:page", file: "dist/web/index.html", from: ["src/web", library.file, "vite.web.config.ts"] },
  { script: "build:single", file: "dist/single/sae-onnx.js", from: [library.file, "bundle.mjs"] },
];

export default async (project: TestProject) => {
  project.onTestsRerun(() => fresh(...page));
  await fresh(...page);
};
