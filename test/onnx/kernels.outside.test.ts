import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { disagreements, swiftShader } from "./disagreements.ts";

test.skipIf(!existsSync(swiftShader))("webgpu has the kernels of the table (needs Debian's chromium)", async () =>
  expect(await disagreements("webgpu")).toEqual([]),
);
