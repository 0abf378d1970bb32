import { expect, test } from "vitest";
import { bytesInWords } from "../../src/util/bytes.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 kB"],
  [12_345, "12.3 kB"],
  [999_600, "1 MB"],
  [1.5e9, "1.5 GB"],
  [2e15, "2000 TB"],
])("%d bytes are %s", (bytes, words) => {
  expect(bytesInWords(bytes)).toBe(words);
});
