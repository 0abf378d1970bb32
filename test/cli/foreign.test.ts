import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { writeNpy } from "../../src/data/npy.ts";
import { writeSafetensors } from "../../src/data/safetensors.ts";
import { encodeModel } from "../../src/onnx/model.ts";
import { tensor } from "../../src/util/tensor.ts";
import { host, node } from "../export/attach/hosts.ts";
import { saeOnnx, temporaryFolder } from "./run.ts";

/** Lines, a terminal's commands in 7 and 8 bits, a separator, an order of reading. */
const foul = "a\nb\r\u001b[2K\u0007\u009b31m\u007f\u2028\u202ez";
const shown = "a\\u000ab\\u000d\\u001b[2K\\u0007\\u009b31m\\u007f\\u2028\\u202ez";
const folder = temporaryFolder();
const one = tensor("float32", [1, 2], Float32Array.of(1, 2));
const attributes = [
  { name: foul, type: 3, s: new TextEncoder().encode(foul) },
  { name: "to", type: 2, i: 1 },
];
const model = host({
  nodes: [{ ...node("v = Add(x, x)"), name: foul, domain: foul, output: [foul], attribute: attributes }],
  outputs: [{ name: foul, type: {} }],
  more: { metadataProps: [{ key: foul, value: foul }] },
});
const files: Readonly<Record<string, Uint8Array>> = {
  "a.safetensors": writeSafetensors({ [foul]: one }, { [foul]: foul }),
  "a.npz": zipSync({ [`${foul}.npy`]: writeNpy(one) }),
  "a.npy": Buffer.from(Buffer.from(writeNpy(one)).toString("latin1").replace("<f4", "<\u001b4"), "latin1"),
  "a.onnx": encodeModel({ ...model, graph: { ...model.graph, name: foul } }),
};
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);

/** Whether a terminal would take any of it for a command, and not for text. */
const commands = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

test.each(Object.keys(files).flatMap((name) => [[name], [name, "--json"]]))("inspect %s %s", (name, ...flags) => {
  const { status, stdout, stderr } = saeOnnx("inspect", join(folder, name!), ...flags);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).not.toMatch(commands);
  expect(stdout).toContain("\\u001b");
});

test("a file's newline begins no line of its own", () => {
  // Behind what a file says of itself stand three lines on its one row.
  const isOfRows = (line: string) => /^# (rows: 1, |the longest 0\.1 % |no value above )/.test(line);
  const lines = (name: string) => {
    const all = saeOnnx("inspect", join(folder, name)).stdout.trimEnd().split("\n");
    return all.filter((line) => !isOfRows(line));
  };
  expect(lines("a.safetensors")).toEqual([`# ${shown}: ${shown}`, `${shown}: F32 [1, 2]`]);
  expect(lines("a.npz")).toEqual([`${shown}: F32 [1, 2]`]);
  expect(lines("a.onnx").filter((line) => line.startsWith("b"))).toEqual([]);
});

test("JSON keeps what the file says", () => {
  const { metadata, tensors } = JSON.parse(saeOnnx("inspect", join(folder, "a.safetensors"), "--json").stdout);
  expect([metadata, Object.keys(tensors)]).toEqual([{ [foul]: foul }, [foul]]);
});

test("inspect --check and --debug", () => {
  expect(saeOnnx("inspect", join(folder, "a.onnx"), "--check").stdout).not.toMatch(commands);
  const { status, stderr } = saeOnnx("--debug", "inspect", join(folder, "\u001b[2K\u009b.npy"));
  expect(status).toBe(1);
  expect(stderr).not.toMatch(commands);
});
