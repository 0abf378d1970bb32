import { expect, test } from "vitest";
import { checkLabels, parseLabels } from "../../src/data/labels.ts";
import { complaint } from "./helpers.ts";

const parse = (text: string) => parseLabels(text, "a.labels.jsonl");

test("one object a line; pos and id get our names unless those are taken", () => {
  expect(parse('{"text":"a","pos":3,"id":7}\n{"x":null}\n')).toEqual([
    { text: "a", position: 3, token_id: 7 },
    { x: null },
  ]);
  expect(parse('{"pos":1,"position":2}')).toEqual([{ pos: 1, position: 2 }]);
});

test("byte order mark, CRLF, blank lines at the end and an empty file", () => {
  expect(parse('\uFEFF{"a":1}\r\n{"a":2}\r\n\r\n\n')).toEqual([{ a: 1 }, { a: 2 }]);
  expect(parse("")).toEqual([]);
});

test("a key of the prototype stays an ordinary key", () => {
  const [label] = parse('{"__proto__":{"polluted":1},"constructor":2}');
  expect(Object.keys(label!)).toEqual(["__proto__", "constructor"]);
  expect(label).not.toHaveProperty("polluted");
});

test.each([
  ["no JSON", '{"a":1}\n{oops', /^a\.labels\.jsonl: line 2 is not JSON: "\{oops"/],
  ["a blank line inside", '{"a":1}\n\n{"a":2}', /line 2 is not JSON: ""/],
  ["a list", "[1]", /line 1 is "\[1\]"; write one JSON object a line/],
  ["null", "null", /line 1 is "null"/],
  ["a very long line", `{"a":"${"x".repeat(1 << 20)}"}`, /line 1 has 1048584 characters, at most 1048576/],
])("%s is refused by line", (_, text, message) => {
  expect(complaint(() => parse(text))).toMatch(message);
});

test("another number of labels than rows is refused", () => {
  const labels = parse('{"a":1}');
  expect(checkLabels(labels, 1, "a")).toBe(labels);
  expect(complaint(() => checkLabels(labels, 2, "a"))).toBe(
    "a: 1 labels for 2 rows of activations; write one line a row",
  );
});
