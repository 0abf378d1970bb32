import type { Value } from "../../graph/value.ts";
import type { HostTensor } from "../../util/tensor.ts";

/** How a frozen model stores its weight matrices; it computes in float32 whatever they are stored as. */
export interface WeightType {
  readonly describe: string;
  /**
   * A weight matrix as a value of the graph, stored under `name`: equal to `rounded(matrix)`.
   * @throws {ConfigError} naming the matrix when it cannot be stored so.
   */
  readonly stored: (matrix: HostTensor<"float32">, name: string) => Value<"float32">;
  /** What is left of a matrix when it is stored so, worked out on the host. */
  readonly rounded: (matrix: HostTensor<"float32">) => HostTensor<"float32">;
  /** Most an entry moves, for each row of a matrix; with s = sum |x_i|, a pre-activation moves by at most this times s. */
  readonly error: (row: Float32Array) => number;
}
