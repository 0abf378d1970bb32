import { expect, test } from "vitest";
import { experimentGrid } from "../../src/record/experimentGrid.ts";
import { experimentGrid as committed } from "./sample.ts";

test("the table that is shipped is the one of examples/data", () => {
  expect(experimentGrid()).toEqual(committed());
  expect(experimentGrid().rows).toHaveLength(12);
});
