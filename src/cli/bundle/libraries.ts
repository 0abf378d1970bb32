/** @file The shared libraries that travel with a program: what it is linked with, but not the C library and NVIDIA's driver. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { notFound } from "../../runtime/cuda.node.ts";
import { installCuda } from "../../runtime/cudaInstall.ts";
import { ortFolder } from "../../runtime/probe.node.ts";
import { ConfigError } from "../../util/errors.ts";

/** What every Linux of the kind has of its own, and must have: glibc's parts, and the driver's. */
const ownToSystem = /^(linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|util|resolv)\.so|libcuda\.|libnvidia)/;

/** Libraries a file is linked with, by ldd, that are not the system's own. @throws {ConfigError} for one that is not found. */
export function linkedWith(file: string): readonly string[] {
  let printed: string;
  try {
    printed = execFileSync("ldd", [file], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    throw new ConfigError(`bundle: ldd cannot read ${file}; it is needed to find its libraries (Debian: libc-bin)`);
  }
  const lost = notFound(printed).filter((name) => !ownToSystem.test(name));
  if (lost.length > 0)
    throw new ConfigError(
      `bundle: ${basename(file)} needs ${lost.join(", ")}, which ldd does not find here; install them, or put their folder on LD_LIBRARY_PATH`,
    );
  return [...printed.matchAll(/^\s*(\S+) => (\/\S+)/gm)].flatMap(([, name, path]) =>
    ownToSystem.test(name!) ? [] : [path!],
  );
}

/** ONNX Runtime's libraries of the CUDA provider, with CUDA's own. @throws {ConfigError} when they are not installed here. */
export function cudaLibraries(): readonly string[] {
  const folder = join(ortFolder(), "bin/napi-v6/linux/x64");
  const provider = join(folder, "libonnxruntime_providers_cuda.so");
  if (!existsSync(provider))
    throw new ConfigError(
      `bundle --provider cuda: ONNX Runtime's CUDA library is not installed here (${basename(provider)}); install it: ${installCuda}, then bundle again`,
    );
  const linked = linkedWith(provider);
  // cuDNN loads its parts by name while it runs: all that lie beside it go too.
  const parts = linked.filter(isCudnn).flatMap((path) =>
    readdirSync(dirname(path))
      .filter((name) => isCudnn(name) && /\.so\.\d+$/.test(name))
      .map((name) => join(dirname(path), name)),
  );
  return [...new Set([...linked, ...parts])];
}

const isCudnn = (path: string): boolean => /^libcudnn/.test(basename(path));
