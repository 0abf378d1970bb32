import { expect, test } from "vitest";
import { tryProvider } from "../../src/cli/doctor/tryProvider.ts";
import { webgpuHere } from "../runtime/swiftshader.ts";

test.skipIf(!webgpuHere.there)(`doctor trains a step on webgpu too${webgpuHere.why}`, async () => {
  expect(await tryProvider("webgpu")).toMatchObject({
    usable: true,
    why: expect.stringMatching(/^one training step, loss \d/),
    device: expect.stringMatching(/./),
  });
});
