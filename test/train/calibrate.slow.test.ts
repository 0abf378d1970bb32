import { expect, test } from "vitest";
import { offBy } from "./keptOfNewRows.ts";

test("after 69 epochs, 2,001 steps, new rows keep k within 5 percent; by a mean over batches they do not", async () => {
  expect(await offBy(69, 0.1)).toBeLessThan(0.05);
  expect(await offBy(69, 0)).toBeGreaterThan(0.05);
}, 300_000);
