import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError, RuntimeFailure } from "../../util/errors.ts";

const packageFile = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
export const nodeVersion: string = createRequire(import.meta.url)(packageFile).version;

/** What `installCuda` will do, for the user to agree to. */
export const installNotice = `This runs the installer of onnxruntime-node ${nodeVersion}, which downloads the CUDA provider of exactly this version
(package Microsoft.ML.OnnxRuntime.Gpu.Linux ${nodeVersion} from api.nuget.org, several hundred MB) into ${dirname(packageFile)}.
It needs Linux on x64, and to run: an NVIDIA driver and the CUDA libraries (ldd on the provider names those missing).`;

/**
 * Runs onnxruntime-node's own installer for its CUDA provider, once `confirm` agrees.
 * @throws {ConfigError} when it does not agree; {RuntimeFailure} when the installer fails, with its last words.
 */
export async function installCuda({
  confirm,
  script = join(dirname(packageFile), "script/install.js"),
}: {
  readonly confirm: () => Promise<boolean>;
  readonly script?: string;
}): Promise<void> {
  if (!(await confirm())) throw new ConfigError("doctor: nothing was installed; say y, or give --yes");
  const said = await new Promise<string | undefined>((resolve, reject) => {
    const child = spawn("node", [script, "--onnxruntime-node-install=cuda12"], {
      cwd: dirname(packageFile),
      // The installer heeds the environment before its flag, and npm hands a project's setting on to all it runs.
      env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "cuda12" },
      stdio: ["ignore", "inherit", "pipe"],
    });
    let err = "";
    child.stderr.on("data", (text) => (err += text));
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0 ? undefined : lastError(err) || `exit code ${code}`));
  });
  if (said !== undefined)
    throw new RuntimeFailure(
      `doctor: the installer of onnxruntime-node ${nodeVersion} failed: ${said}; does this machine reach the internet?`,
    );
}

/** The line of an uncaught error that names it, else the last line. */
function lastError(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.find((line) => /^(\w*Error|Error\b).*: /.test(line)) ?? lines.at(-1) ?? "";
}
