import { describe, expect, test } from "vitest";
import { shareOut, shareSentence, type Work } from "../../src/pipeline/grid/share.ts";

const work = (cores: number, cells: number, more: Partial<Work> = {}): Work => ({
  ...{ provider: "cpu", cores, cells, room: 1000, memory: "--memory (2 GB)", ...more },
});
const share = (cores: number, cells: number, more: Partial<Work> = {}) => {
  const { jobs, threads } = shareOut(work(cores, cells, more));
  return [jobs, threads];
};

describe("SAEs side by side, and threads each", () => {
  test.each<[cores: number, cells: number, shared: [jobs: number, threads: number]]>([
    ...([1, 2, 3, 12, 100] as const).map((cells) => [1, cells, [1, 1]] as [number, number, [number, number]]),
    [2, 1, [1, 2]],
    [2, 2, [2, 1]],
    [2, 12, [2, 1]],
    [3, 2, [2, 1]],
    [16, 1, [1, 16]],
    [16, 2, [2, 8]],
    [16, 3, [3, 5]],
    [16, 4, [4, 4]],
    [16, 9, [9, 1]],
    [16, 12, [12, 1]],
    [16, 16, [16, 1]],
    [16, 40, [16, 1]],
    [64, 1, [1, 64]],
    [64, 12, [12, 5]],
    [64, 33, [33, 1]],
    [64, 480, [64, 1]],
  ])("%i cores, %i SAEs", (cores, cells, expected) => {
    expect(share(cores, cells)).toEqual(expected);
  });

  test.each<[what: string, cores: number, cells: number, more: Partial<Work>, [jobs: number, threads: number]]>([
    ["memory bounds the processes, not the threads", 64, 12, { room: 3 }, [3, 5]],
    ["memory for one", 16, 12, { room: 1 }, [1, 1]],
    ["one thread by hand", 16, 12, { threads: 1 }, [12, 1]],
    ["one thread by hand, one SAE", 16, 1, { threads: 1 }, [1, 1]],
    ["threads by hand", 16, 12, { threads: 4 }, [4, 4]],
    ["more threads than cores by hand", 2, 12, { threads: 8 }, [1, 8]],
    ["processes by hand", 16, 12, { jobs: 2 }, [2, 1]],
    ["processes by hand do not change the threads", 16, 4, { jobs: 1 }, [1, 4]],
    ["more processes than SAEs", 16, 4, { jobs: 9 }, [4, 4]],
    ["more processes than cores by hand", 2, 12, { jobs: 6 }, [6, 1]],
    ["both by hand", 16, 12, { jobs: 8, threads: 4 }, [8, 4]],
    ["processes by hand, and memory for fewer", 16, 12, { jobs: 8, room: 3 }, [3, 1]],
    ["goes on as it began", 16, 1, { begun: 1 }, [1, 1]],
    ["goes on as it began, elsewhere", 2, 4, { begun: 4 }, [1, 4]],
    ["by hand otherwise than it began", 16, 2, { begun: 1, threads: 3 }, [2, 3]],
    ["WebAssembly", 16, 1, { provider: "wasm" }, [1, 1]],
    ["WebAssembly, a grid", 16, 12, { provider: "wasm" }, [12, 1]],
    ["a GPU", 16, 12, { provider: "cuda" }, [4, 1]],
    ["a GPU, two cores", 2, 12, { provider: "webgpu" }, [2, 1]],
    ["a GPU, processes by hand", 2, 12, { provider: "cuda", jobs: 6 }, [6, 1]],
  ])("%s", (_, cores, cells, more, expected) => {
    expect(share(cores, cells, more)).toEqual(expected);
  });

  test("no more threads than cores, and with fewer SAEs than cores more than half of them", () => {
    for (let cores = 1; cores <= 64; cores++)
      for (let cells = 1; cells <= 70; cells++) {
        const [jobs, threads] = share(cores, cells);
        expect(jobs! * threads!).toBeLessThanOrEqual(cores);
        expect(jobs! * threads!, `${cores} cores, ${cells} SAEs`).toBeGreaterThan(cores / 2);
      }
  });
});

describe("says in one sentence", () => {
  const said = (one: Work) => shareSentence(one, shareOut(one));
  test.each<[Work, string]>([
    [work(16, 1), "1 SAE to train: 16 threads, on 16 cores"],
    [work(1, 1), "1 SAE to train: 1 thread, on 1 core"],
    [work(2, 12), "12 SAEs to train: 2 at a time, 1 thread each, on 2 cores"],
    [work(16, 12), "12 SAEs to train: 12 at a time, 1 thread each, on 16 cores"],
    [
      work(16, 12, { room: 3 }),
      "12 SAEs to train: 3 at a time, 1 thread each, on 16 cores; no more fit in --memory (2 GB)",
    ],
    [work(16, 2, { room: 2 }), "2 SAEs to train: 2 at a time, 8 threads each, on 16 cores"],
    [
      work(16, 2, { begun: 1 }),
      "2 SAEs to train: 2 at a time, 1 thread each, on 16 cores; as it began, --threads 8 uses the cores",
    ],
    [work(16, 2, { begun: 8 }), "2 SAEs to train: 2 at a time, 8 threads each, on 16 cores"],
    [work(16, 2, { begun: 1, threads: 1 }), "2 SAEs to train: 2 at a time, 1 thread each, on 16 cores"],
    [
      work(4, 12, { jobs: 4, threads: 4 }),
      "12 SAEs to train: 4 at a time, 4 threads each, on 4 cores; more threads than cores, which is slower",
    ],
    [work(16, 12, { provider: "webgpu" }), "12 SAEs to train: 4 at a time, on webgpu"],
    [work(16, 1, { provider: "cuda" }), "1 SAE to train: on cuda"],
  ])("%#", (one, expected) => expect(said(one)).toBe(expected));
});
