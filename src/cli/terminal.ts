/** @file What the terminal can show, if there is one. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Columns of the terminal that stdout is; none for a file or a pipe, whose lines may have any length. */
export const columns = (): number | undefined => process.stdout.columns || undefined;

/** Columns of help: at most so many as are read well. */
export const helpColumns = (): number => Math.min(110, columns() ?? 110);

/**
 * Whether lines of boxes and the shades of a bar can be shown. A locale that is named and is not UTF-8 (LANG=C) says no. One that
 * is not named says nothing: most containers have none, and the terminal they are looked at with does show them.
 */
export function showsBoxes({ LC_ALL, LC_CTYPE, LANG }: Environment = process.env): boolean {
  const locale = LC_ALL || LC_CTYPE || LANG;
  return process.platform === "win32" || !locale || /utf-?8/i.test(locale);
}

/** Whether stderr is a terminal on which a line may be drawn again: that takes escapes, which NO_COLOR and TERM=dumb refuse. */
export const canRedraw = (env: Environment = process.env): boolean =>
  process.stderr.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";

/** Text in lines of a width, broken between words, all but the first after `indent`; a longer word stands alone. */
export function fold(text: string, width = Number.POSITIVE_INFINITY, indent = ""): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(lines.length > 0 ? indent + word : word);
  }
  return lines.join("\n");
}
