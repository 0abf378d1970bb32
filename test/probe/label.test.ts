import { expect, test } from "vitest";
import { labelColumns } from "../../src/data/labels.ts";
import { labelColumn } from "../../src/probe/label.ts";
import { complaint } from "../data/helpers.ts";

const asked = (columns: Parameters<typeof labelColumn>[0], label: string) =>
  Array.from<number | string>(labelColumn(columns, label, "a.npy", 3));

test("a question of a column: one of its values, in quotes too, or a word in it", () => {
  const columns = { token: [" of", "of", "~"], text: ["Of it", "off", "it"] };
  expect(asked(columns, 'token=" of"')).toEqual([1, 0, 0]);
  expect(asked(columns, "token=of")).toEqual([0, 1, 0]);
  expect(asked(columns, 'token="~"')).toEqual([0, 0, 1]);
  expect(asked(columns, "text~of")).toEqual([1, 0, 0]);
});

test("a row without a value is no answer to a question", () => {
  const columns = labelColumns([{ x: 1, text: "undefined" }, { x: null, text: "of" }, { text: "null" }]);
  const none = (label: string, count: number, row: number) =>
    `--label ${label}: a.npy: ${count} of 3 rows have no value, the first is row ${row}; fill them in, or leave these rows out with --where`;
  expect(complaint(() => asked(columns, "x=1"))).toBe(none("x=1", 2, 1));
  expect(complaint(() => asked({ text: ["of", "", "x"] }, "text~of"))).toBe(none("text~of", 1, 1));
  expect(complaint(() => asked({ n: [1, Number.NaN, 2] }, "n!=1"))).toBe(none("n!=1", 1, 1));
  expect(complaint(() => asked(columns, "text=of,x=1"))).toBe(none("text=of,x=1", 2, 1));
  // A word that says nothing is a word.
  expect(asked(columns, "text=null")).toEqual([0, 0, 1]);
});
