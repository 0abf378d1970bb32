import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { installCuda } from "./cudaInstall.ts";
import { lastWords, ortFolder, type Probe, probe } from "./probe.node.ts";
import type { Usable } from "./usable.ts";

/** The files of ONNX Runtime's CUDA provider. They are in no npm package; onnxruntime-node's own installer fetches them. */
const libraries = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];

/** How to ask a machine about CUDA; by default this one. */
export interface Machine {
  readonly platform?: string;
  /** Folder of ONNX Runtime's libraries. */
  readonly folder?: string;
  /** What `ldd FILE` prints. */
  readonly ldd?: (file: string) => Promise<string>;
  readonly tryOut?: () => Promise<Probe>;
}

/** What a missing library belongs to, and how to get it. The first entry that fits its name counts. */
const missing: readonly { readonly file: RegExp; readonly what: string; readonly fix: string }[] = [
  {
    file: /^libcuda\./,
    what: "NVIDIA's driver",
    fix: "install the driver, 580 or newer: sudo apt-get install nvidia-open",
  },
  { file: /^libcudnn/, what: "cuDNN 9", fix: "install cuDNN and run ldconfig: sudo apt-get install libcudnn9-cuda-13" },
  {
    file: /\.so\.12$/,
    what: "CUDA 12",
    fix: "install it and put its folder on LD_LIBRARY_PATH: sudo apt-get install cuda-libraries-12-9",
  },
  {
    file: /^lib/,
    what: "CUDA 13",
    fix: "install it and put its folder on LD_LIBRARY_PATH: sudo apt-get install cuda-libraries-13-0",
  },
];

/** What ONNX Runtime's log says where all libraries are there and CUDA still fails. */
const causes: readonly (readonly [RegExp, string, string])[] = [
  [
    /insufficient|CUDA failure 35\b/,
    "NVIDIA's driver is too old for this CUDA",
    "install driver 580 or newer: sudo apt-get install nvidia-open, and restart",
  ],
  [
    /no CUDA-capable device|CUDA failure 100\b/,
    "no GPU is visible",
    "see what nvidia-smi lists, and that CUDA_VISIBLE_DEVICES names one of those numbers",
  ],
  [
    /invalid device ordinal|invalid device id|CUDA failure 101\b/i,
    "there is no such device",
    "see what nvidia-smi lists, and set CUDA_VISIBLE_DEVICES to one of those numbers",
  ],
  [
    /undefined symbol|file too short|invalid ELF header/i,
    "ONNX Runtime's CUDA library is damaged, or of another version",
    `install it again: ${installCuda}`,
  ],
  [
    /cudnn/i,
    "cuDNN 9 is missing, and this graph needs it",
    "install it and run ldconfig: sudo apt-get install libcudnn9-cuda-13",
  ],
];

/** Whether CUDA can be used. If not, the first that is missing of: the provider's libraries, what they need, the driver, a device. */
export async function cudaUsable({
  platform = `${process.platform}-${process.arch}`,
  folder = join(ortFolder(), "bin/napi-v6", process.platform, process.arch),
  ldd = runLdd,
  tryOut = () => probe("cuda"),
}: Machine = {}): Promise<Usable> {
  const not = (reason: string, fix: string): Usable => ({ usable: false, reason, fix });
  // Makes CUDA number devices as nvidia-smi does; by default number 0 is the fastest. Child processes inherit it.
  process.env.CUDA_DEVICE_ORDER ??= "PCI_BUS_ID";
  if (platform !== "linux-x64")
    return not(`ONNX Runtime's CUDA provider is for Linux on x64, this is ${platform}`, "use --provider cpu or webgpu");
  const absent = libraries.filter((name) => !existsSync(join(folder, name)));
  if (absent.length > 0)
    return not(`ONNX Runtime's CUDA library is not installed (${absent.join(", ")})`, `install it: ${installCuda}`);
  const lost = notFound(await ldd(join(folder, "libonnxruntime_providers_cuda.so")));
  const wanting = [...new Set(lost.flatMap((name) => missing.filter(({ file }) => file.test(name)).slice(0, 1)))];
  if (wanting.length > 0) {
    const names = wanting.map(({ what }) => what).join(" and ");
    const fixes = wanting.map(({ fix }) => fix).join("; ");
    const reason = `${names} ${wanting.length > 1 ? "are" : "is"} not there (ldd finds no ${lost.join(", ")})`;
    return not(reason, `${fixes} (from NVIDIA's repository, https://developer.nvidia.com/cuda-downloads)`);
  }
  const tried = await tryOut();
  if (tried.ok) return { usable: true };
  const words = lastWords(tried);
  const cause = causes.find(([pattern]) => pattern.test(`${tried.log}\n${tried.error}`));
  return cause
    ? not(`${cause[1]} (${words})`, cause[2])
    : not(`ONNX Runtime cannot start it (${words})`, "see that nvidia-smi works and the driver is 580 or newer");
}

/** The libraries that `ldd` has not found, by name. */
export const notFound = (printed: string): string[] =>
  [...printed.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name!);

/** What ldd prints. Nothing where it cannot read the file: trying the provider will then show why. */
const runLdd = (file: string): Promise<string> =>
  new Promise((resolve) => execFile("ldd", [file], { timeout: 5000 }, (_error, stdout) => resolve(stdout)));
