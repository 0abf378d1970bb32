import { expect, test } from "vitest";
import { temporaryFolder } from "../cli/run.ts";
import { lacking } from "../python/python.mjs";
import { said, writeKit } from "./kit.ts";

const missing = lacking("numpy", "torch", "sae-lens");

test.skipIf(missing)(
  `SAELens is right in every case that it has a class for${missing && ` (skipped: ${missing})`}`,
  () => {
    const folder = temporaryFolder();
    writeKit(folder);
    const { "": found } = said(folder, "saelens");
    expect(Object.keys(found!).filter((name) => found![name] === null)).toEqual(["groupmax"]);
    expect(Object.entries(found!).filter(([, one]) => one)).toEqual([]);
  },
);
