import { ConfigError } from "../util/errors.ts";
import type { HostTensor } from "../util/tensor.ts";

/** The rows of one place after a run over some texts. */
export interface PlaceRows {
  readonly width: number;
  /** The row of a text, by its place among the texts of the run, at a position. A view, good until the next run. */
  readonly rowAt: (text: number, position: number) => Float32Array;
}

/** Runs texts of a batch; what it gives finds the rows of a place by its name. */
export type RowReader<Text> = (texts: readonly Text[]) => Promise<(name: string) => PlaceRows>;

/**
 * How rows are found in a tensor `[texts, length, width]`, or in one whose two first dims are one.
 * @throws {ConfigError} for values that have no row for each token.
 */
export function rowsIn(name: string, { dims, data }: HostTensor<"float32">, texts: number, length: number): PlaceRows {
  const width = dims.at(-1) ?? 1;
  const isWhole = dims.length === 3 && dims[0] === texts && dims[1] === length;
  const isFlat = dims.length === 2 && dims[0] === texts * length;
  if (!isWhole && !isFlat)
    throw new ConfigError(
      `${name}: is [${dims.join(", ")}] for ${texts} texts of ${length} tokens, it has no row for each token; --list names values that have`,
    );
  return {
    width,
    rowAt: (text, at) => data.subarray((text * length + at) * width, (text * length + at + 1) * width),
  };
}
