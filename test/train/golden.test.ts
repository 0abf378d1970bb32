import { expect, test } from "vitest";
import { printModel } from "../../src/onnx/print.ts";
import { trainingGraph } from "../../src/train/trainer.ts";
import { cases } from "../sae/cases.ts";

/** `vitest -u` writes them anew; read the difference before committing it. */
test.each(cases)("the training graph of $name, as text", async ({ name, config }) => {
  const change = name.includes("auxK") ? { auxK: 3 } : {};
  const text = printModel(trainingGraph(config({ inputDim: 4, latentDim: 8, ...change }, 2)));
  await expect(text).toMatchFileSnapshot(`../golden/train/${name.replaceAll(" ", "-")}.txt`);
});
