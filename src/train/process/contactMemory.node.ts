import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { writeWhole } from "../../data/files.node.ts";
import { locked } from "../../data/lock.node.ts";
import type { FirstContact } from "./firstContact.ts";

/** Whether CUDA may round products to TF32 in this process. Only the environment can say so: ONNX Runtime has no such option for a session. */
export const tf32Here = (): "on" | "off" => (process.env.NVIDIA_TF32_OVERRIDE === "0" ? "off" : "on");

/**
 * Where first contacts are remembered: in `$XDG_CACHE_HOME/sae-onnx`, by default `~/.cache/sae-onnx`. Nowhere for a user without a
 * home, as in some containers.
 */
function file(): string | undefined {
  const given = process.env.XDG_CACHE_HOME;
  // A relative one is to be left alone, says the XDG base directory specification.
  if (given && isAbsolute(given)) return join(given, "sae-onnx", "first-contact.json");
  const home = homeFolder();
  return home && isAbsolute(home) ? join(home, ".cache", "sae-onnx", "first-contact.json") : undefined;
}

function homeFolder(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

/** What a first contact depends on: the GPUs, the driver, ONNX Runtime and TF32. */
function key(provider: string): string {
  const nvidia = "/proc/driver/nvidia";
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const list = () => {
    try {
      return readdirSync(join(nvidia, "gpus")).sort();
    } catch {
      return [];
    }
  };
  const gpus = list().map((gpu) => /Model:\s*(.*)/.exec(read(join(nvidia, "gpus", gpu, "information")))?.[1] ?? gpu);
  const driver = /Kernel Module\s+([\d.]+)/.exec(read(join(nvidia, "version")))?.[1] ?? "unknown";
  const ort = JSON.parse(readFileSync(new URL(import.meta.resolve("onnxruntime-node/package.json")), "utf8")) as {
    version: string;
  };
  const visible = process.env.CUDA_VISIBLE_DEVICES ?? "all";
  return `${provider}; ${gpus.join(", ") || "unknown GPU"}; visible ${visible}; driver ${driver}; onnxruntime ${ort.version}; TF32 ${tf32Here()}`;
}

const all = (): Record<string, FirstContact> => {
  try {
    return Object(JSON.parse(readFileSync(file() ?? "", "utf8"))) as Record<string, FirstContact>;
  } catch {
    // There is no file yet, or it is damaged. The comparison is then made again.
    return {};
  }
};

/** The remembered first contact with a provider on this machine, if there is one. */
export const rememberedContact = (provider: string): FirstContact | undefined => all()[key(provider)];

/** Remembers a first contact. If it cannot be written, the comparison is made again next time. */
export async function rememberContact(contact: FirstContact): Promise<void> {
  const path = file();
  if (path === undefined) return;
  const add = () => writeWhole(path, `${JSON.stringify({ ...all(), [key(contact.provider)]: contact }, null, 1)}\n`);
  await locked(path, add, { patience: 5 }).catch(() => {});
}
