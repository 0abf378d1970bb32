import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { resolve } from "node:path";

/** Whether commands can be run in a terminal here: by `script` of util-linux, which macOS has another one of. */
export const hasPty = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;
if (!hasPty) console.warn("skipped: tests in a terminal need script of util-linux");

const main = resolve("dist/cli/main.js");
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** The built command line in a terminal of so many columns, while it runs. `after` follows it on the shell's line. */
export function startInTerminal(args: readonly string[], { columns = 80, env = {}, after = "" } = {}): ChildProcess {
  const line = `stty cols ${columns}; exec node ${[main, ...args].map(quoted).join(" ")} ${after}`;
  return spawn("script", ["-qec", line, "/dev/null"], {
    env: { ...process.env, NO_COLOR: "", TERM: "xterm", LC_ALL: "C.UTF-8", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** As `startInTerminal`, run to its end: its exit code, and what was written to the terminal. */
export function inTerminal(...given: Parameters<typeof startInTerminal>): Promise<{ code: number; text: string }> {
  const child = startInTerminal(...given);
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (more) => {
    text += more;
  });
  return new Promise((done) => child.on("close", (code) => done({ code: code!, text: text.replaceAll("\r\n", "\n") })));
}
