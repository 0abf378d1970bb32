import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** A process and all it has started. */
function family(root) {
  const children = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const parent = /^PPid:\s+(\d+)/m.exec(status(pid))?.[1];
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const all = [String(root)];
  for (const pid of all) all.push(...(children.get(pid) ?? []));
  return all;
}

function status(pid) {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return ""; // it has just ended
  }
}

/**
 * Runs a command and gives what it printed, the seconds it took, and the largest resident memory of each of its processes in MB, the
 * command's own first (Linux: VmHWM, looked up ten times a second). Each may be largest at another time: their sum is an upper bound.
 */
export async function runWithPeak(command, args) {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const peaks = new Map();
  const look = () => {
    for (const pid of family(child.pid)) {
      const kb = Number(/^VmHWM:\s+(\d+)/m.exec(status(pid))?.[1] ?? 0);
      if (kb > 0) peaks.set(pid, kb);
    }
  };
  const timer = setInterval(look, 100);
  let stdout = "";
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
  return {
    stdout,
    seconds: (performance.now() - start) / 1000,
    peaks_mb: Array.from(peaks.values(), (kb) => Math.round(kb / 1024)),
  };
}
