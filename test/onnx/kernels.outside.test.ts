import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { disagreements, swiftShader } from "./disagreements.ts";

const missing = existsSync(swiftShader) ? "" : " (skipped: apt-get install chromium)";

test.skipIf(missing)(`webgpu has the kernels of the table${missing}`, async () =>
  expect(await disagreements("webgpu")).toEqual([]),
);
