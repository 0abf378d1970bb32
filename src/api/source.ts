import { encodeModel } from "../onnx/model.ts";
import { ConfigError } from "../util/errors.ts";
import type { ModelFile } from "../worker/messages.ts";
import type { ModelSource } from "./calls.ts";

/** A model's file: fetched where the source is an address. @throws {ConfigError} when the server has none, or cannot be reached. */
export async function modelFile(source: ModelSource): Promise<ModelFile> {
  if (source instanceof Uint8Array) return { name: "model", bytes: source };
  if (typeof source !== "string" && !(source instanceof URL)) return { name: "model", bytes: encodeModel(source) };
  const name = String(source).split("/").at(-1)!;
  const response = await fetch(source).catch((cause) => {
    throw new ConfigError(`${source}: cannot be fetched (${cause.message}); is the address right?`, { cause });
  });
  if (!response.ok)
    throw new ConfigError(
      `${source}: the server answers ${response.status} ${response.statusText}; is the address right?`,
    );
  return { name, bytes: new Uint8Array(await response.arrayBuffer()) };
}
