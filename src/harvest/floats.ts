import { halfToFloat32 } from "../data/half.ts";
import { ConfigError } from "../util/errors.ts";
import { type HostTensor, tensor } from "../util/tensor.ts";

/** What a model gives, as float32. @throws {ConfigError} for values that are neither float32 nor float16; `what` names them, `then` says what to do. */
export function floats({ dtype, dims, data }: HostTensor, what: string, then: string): HostTensor<"float32"> {
  if (dtype === "float32") return { dtype, dims, data: data as Float32Array };
  if (dtype === "float16") return tensor("float32", dims, halfToFloat32(data as Uint16Array));
  throw new ConfigError(`${what} is of ${dtype}, float32 or float16 is needed; ${then}`);
}
