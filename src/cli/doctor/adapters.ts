import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

/** Where a Vulkan loader on Linux looks for drivers, unless its variables name them. */
const driverFolders = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];

/** How the machine is asked; the defaults ask this one. */
export interface Machine {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly folders?: readonly string[];
  /** What `nvidia-smi` says, a line per GPU. @throws where there is none. */
  readonly nvidiaSmi?: () => string;
}

/**
 * The GPUs there are, as far as they can be had without opening one: NVIDIA's by name, driver and memory, then the Vulkan
 * drivers, which WebGPU in Node runs on, by the name of their file.
 */
export function gpuAdapters({
  env = process.env,
  folders = driverFolders,
  nvidiaSmi = askNvidia,
}: Machine = {}): string[] {
  return [...nvidia(nvidiaSmi), ...vulkanDrivers(env, folders).map((name) => `Vulkan driver ${name}`)];
}

/** The GPU that CUDA takes: the first of `CUDA_VISIBLE_DEVICES`, by number as `nvidia-smi` counts; without it the first there is. */
export function cudaDevice({ env = process.env, nvidiaSmi = askNvidia }: Machine = {}): string | undefined {
  const first = env.CUDA_VISIBLE_DEVICES?.split(",")[0]?.trim();
  return nvidia(nvidiaSmi)[first && /^\d+$/.test(first) ? Number(first) : 0];
}

const askNvidia = () =>
  execFileSync("nvidia-smi", ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"], {
    encoding: "utf8",
    timeout: 10_000,
    stdio: ["ignore", "pipe", "ignore"],
  });

function nvidia(ask: () => string): string[] {
  try {
    return ask()
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}

function vulkanDrivers(env: NonNullable<Machine["env"]>, folders: readonly string[]): string[] {
  const named = env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES;
  const files =
    named !== undefined
      ? named.split(":").filter((file) => existsSync(file))
      : folders.filter(existsSync).flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)));
  return files.filter((file) => file.endsWith(".json")).map((file) => basename(file, ".json"));
}
