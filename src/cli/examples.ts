/** Examples for the end of a help page, as a shell takes them: what is too long for a line goes on after a backslash. */
export const exampleText = (examples: readonly (readonly [string, string])[], width: number): string =>
  ["Examples:", ...examples.flatMap(([line, does]) => [continued(line, width), `    # ${does}`])].join("\n");

/** A command line, broken before flags; every line but the last ends in a backslash. */
function continued(line: string, width: number): string {
  const lines: string[] = [];
  for (const part of line.replace("$0", "sae-onnx").split(/ (?=--)/)) {
    const longer = `${lines.at(-1)} ${part}`;
    // Two columns are for the backslash.
    if (lines.length > 0 && longer.length <= width - 2) lines[lines.length - 1] = longer;
    else lines.push(lines.length > 0 ? `    ${part}` : `  ${part}`);
  }
  return lines.join(" \\\n");
}
