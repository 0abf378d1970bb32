import { expect, test } from "vitest";
import { trainConfig } from "../../src/config/config.ts";
import { withinMemory } from "../../src/pipeline/memory.ts";
import { ConfigError } from "../../src/util/errors.ts";

/** Peak resident memory of both processes of `train --threads 1` on shards, one SAE, in MB as the kernel counts them (bench/peak.mjs). */
const measured = [
  { inputDim: 2048, latentDim: 512, k: 5, rows: 5978, peaks: [261, 328] },
  { inputDim: 2048, latentDim: 2048, k: 20, rows: 5978, peaks: [385, 787] },
  { inputDim: 2048, latentDim: 2048, k: 100, rows: 5978, peaks: [419, 820] },
  { inputDim: 512, latentDim: 4096, k: 200, rows: 5120, peaks: [296, 478] },
  { inputDim: 4096, latentDim: 2048, k: 500, rows: 5120, peaks: [580, 1395] },
  { inputDim: 512, latentDim: 32768, k: 32, rows: 5120, peaks: [1167, 2565] },
];

test.each(measured)(
  "$latentDim latents of $inputDim dims, k $k: what was measured is not promised to fit in less, nor refused much more",
  ({ inputDim, latentDim, k, rows, peaks: [command, training] }) => {
    const config = trainConfig({ inputDim, latentDim, options: { k } });
    const bytes = (command! + training!) * 2 ** 20;
    const within = (memory: number) => () => withinMemory([config], [rows], memory);
    expect(within(bytes)).toThrow(ConfigError);
    expect(within(1.3 * bytes)()).toEqual({ room: 1, ahead: true });
  },
);
