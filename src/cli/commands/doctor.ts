import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, freemem, totalmem } from "node:os";
import { createInterface } from "node:readline/promises";
import { kernelProviders } from "../../onnx/kernels.ts";
import { coresHere } from "../../runtime/machine.node.ts";
import { defineCommand } from "../command.ts";
import { gpuAdapters } from "../doctor/adapters.ts";
import { installCuda, installNotice, nodeVersion } from "../doctor/installCuda.ts";
import { type Tried, tryProvider } from "../doctor/tryProvider.ts";
import { checkCount, json } from "../flags.ts";
import { note, print } from "../output.ts";
import { columns, fold } from "../terminal.ts";

const gib = (bytes: number) => Number((bytes / 2 ** 30).toFixed(1));

/** The version of an optional package. */
function versionOf(name: string): string | null {
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = entry.slice(0, entry.lastIndexOf(`${name}/`) + name.length);
    return JSON.parse(readFileSync(`${root}/package.json`, "utf8")).version;
  } catch {
    return null;
  }
}

/** What NVIDIA's driver says of itself. */
function nvidiaDriver(): string | null {
  const file = "/proc/driver/nvidia/version";
  return existsSync(file) ? (readFileSync(file, "utf8").split("\n")[0] ?? null) : null;
}

/** What a provider ran on. WebGPU's device is named by the Vulkan loader, from version 1.3.211 on. */
function onDevice({ provider, usable, device }: Tried): string {
  if (!usable) return "";
  if (device !== null) return `, on ${device}`;
  return provider === "webgpu" ? ", on a GPU that neither ONNX Runtime nor the Vulkan loader names" : "";
}

async function ask(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question("Download and install it? [y/N] ");
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

export const doctor = defineCommand({
  command: "doctor",
  options: {
    "install-cuda": {
      type: "boolean",
      default: false,
      describe: "get the CUDA provider by onnxruntime-node's installer",
    },
    yes: { type: "boolean", default: false, describe: "agree to the download beforehand" },
    timeout: { type: "number", default: 60, describe: "seconds each provider is given" },
    json,
  },
  examples: [["$0 doctor", "what this machine can run, and why not the rest"]],
  async run(given) {
    if (given["install-cuda"]) {
      note(installNotice);
      return installCuda({ confirm: async () => given.yes || (await ask()) });
    }
    const seconds = checkCount("timeout", given.timeout)!;
    const tried = [];
    // One after another: memory and threads are then each one's own.
    for (const provider of kernelProviders) tried.push(await tryProvider(provider, { seconds }));
    const own = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")).version as string;
    const machine = {
      versions: {
        "sae-onnx": own,
        node: process.versions.node,
        "onnxruntime-node": nodeVersion,
        "onnxruntime-web": versionOf("onnxruntime-web"),
      },
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model ?? null,
      threads: coresHere(),
      memory_gib: { total: gib(totalmem()), free: gib(freemem()) },
      nvidia_driver: nvidiaDriver(),
      gpu_adapters: gpuAdapters(),
    };
    if (given.json) return print(JSON.stringify({ ...machine, providers: tried }, null, 1));
    const say = (text: string, indent = "") => print(fold(text, columns(), indent));
    const row = (...[provider, usable, why]: readonly [string, string, string]) =>
      say(`${provider.padEnd(9)} ${usable.padEnd(6)} ${why}`, " ".repeat(17));
    row("provider", "usable", "why");
    for (const one of tried) row(one.provider, one.usable ? "yes" : "no", `${one.why}${onDevice(one)}`);
    const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version ?? "not installed"}`);
    say(versions.join(", "));
    say(
      `${machine.platform}, ${machine.cpu}, ${machine.threads} threads, ${machine.memory_gib.free} of ${machine.memory_gib.total} GiB free`,
    );
    say(`NVIDIA driver: ${machine.nvidia_driver ?? "none"}`);
    say(`GPU adapters: ${machine.gpu_adapters.join("; ") || "none found"}`);
  },
});
