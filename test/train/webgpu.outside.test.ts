import { describe, test } from "vitest";
import { webgpu } from "../../src/runtime/cpu.node.ts";
import { webgpuHere } from "../runtime/swiftshader.ts";
import { cases } from "../sae/cases.ts";
import { agrees } from "./agrees.ts";

describe.skipIf(!webgpuHere.there)(`on WebGPU, all nodes on the GPU${webgpuHere.why}`, () => {
  test.each(cases)("$name trains and evaluates as on the CPU", ({ config }) =>
    agrees(webgpu, config({ step: "dense" }), 1e-5),
  );
});
