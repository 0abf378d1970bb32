import { writeError } from "../util/fileErrors.ts";
import { visibleLines } from "../util/visible.ts";

/** Numbers and tables: what a user may pipe on. Names of files' contents are made one line by whoever makes the line of them. */
export const print = (text: string): void => {
  process.stdout.write(`${visibleLines(text)}\n`);
};

/** Everything else goes to stderr. */
export const note = (text: string): void => {
  process.stderr.write(`${visibleLines(text)}\n`);
};

// A reader that has read enough, as `head` does, is no error; and a command is not ended by what it says on the way.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Nor is a terminal that was closed.
  if (error.code === "EPIPE" || (error.code === "EIO" && process.stdout.isTTY)) return;
  note(`error: ${writeError("standard output", error).message}`);
  process.exit(1);
});
process.stderr.on("error", () => {});
