// Loaded into a command before it starts (node --import): writes what it took, at its end, to the file USAGE names.
import { readFileSync, writeFileSync } from "node:fs";

process.on("exit", () => {
  // Of this process as Linux counts it: every read, of modules too.
  const read = /^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))[1];
  const usage = { peakBytes: 1024 * process.resourceUsage().maxRSS, bytesRead: Number(read) };
  writeFileSync(process.env.USAGE, JSON.stringify(usage));
});
