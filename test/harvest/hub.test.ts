import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hubCache } from "../../src/data/hub.node.ts";
import { localModel } from "../../src/harvest/hub.node.ts";
import { startHub } from "../data/hubServer.ts";
import { languageModel, namings } from "./models.ts";

/** A repository as the Hub serves one. */
const files: Readonly<Record<string, Uint8Array>> = {
  "onnx/model.onnx": languageModel(namings.dynamo),
  "onnx/model_q4.onnx": languageModel(namings.torchscript),
  "tokenizer.json": new TextEncoder().encode("{}"),
};
let hub: Awaited<ReturnType<typeof startHub>>;

beforeAll(async () => {
  hub = await startHub("owner/name", files);
});
afterAll(() => hub.stop());

describe("hf:owner/name", () => {
  test("is fetched once, with its tokenizer", async () => {
    const path = await localModel("hf:owner/name");
    expect(path).toBe(join(hubCache(), "owner", "name", "main", "onnx", "model.onnx"));
    expect(new Uint8Array(readFileSync(path))).toEqual(files["onnx/model.onnx"]);
    expect(readFileSync(join(path, "../../tokenizer.json"), "utf8")).toBe("{}");
    const before = hub.asked();
    expect(await localModel("hf:owner/name")).toBe(path);
    expect(hub.asked()).toBe(before);
  });

  test("with a file of its own", async () => {
    const path = await localModel("hf:owner/name/onnx/model_q4.onnx");
    expect(new Uint8Array(readFileSync(path))).toEqual(files["onnx/model_q4.onnx"]);
  });

  test.each([
    ["no such file", "hf:owner/name/onnx/other.onnx", /the repository has no onnx\/other.onnx; name a file/],
    [
      "no such repository",
      "hf:owner/none",
      /has no repository owner\/none, or it is private; check the name, or set HF_TOKEN$/,
    ],
    ["no name", "hf:owner", /^hf:owner: write hf:owner\/name/],
    ["a way out of the folder", "hf:owner/name/../../x.onnx", /write hf:owner\/name/],
  ])("%s is one clear line", async (_, given, message) => {
    await expect(localModel(given)).rejects.toThrow(message);
  });

  test("offline, what is there is read, and what is not is one clear line", async () => {
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    expect(await localModel("hf:owner/name")).toContain("model.onnx");
    rmSync(hubCache(), { recursive: true });
    await expect(localModel("hf:owner/name")).rejects.toThrow(
      /^hf:owner\/name: cannot fetch what it holds from http:\/\/127.0.0.1:1 \(\w+.*\), and it is not in .*; get online, or name a file of this machine$/,
    );
  });
});

test("a path is what it is", async () => {
  expect(await localModel("models/llm.onnx")).toBe("models/llm.onnx");
});
