import type { Table } from "./document.ts";

/** A table as LaTeX with booktabs rules, for papers: `\usepackage{booktabs}`. */
export function latexTable({ columns, rows }: Table, caption: string): string {
  const line = (cells: readonly string[]) => `${cells.map(escapeLatex).join(" & ")} \\\\`;
  return [
    "\\begin{table}",
    "\\centering",
    `\\caption{${escapeLatex(caption)}}`,
    `\\begin{tabular}{${columns.map(({ align }) => align[0]).join("")}}`,
    "\\toprule",
    line(columns.map(({ label }) => label)),
    "\\midrule",
    ...rows.map(line),
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{table}",
    "",
  ].join("\n");
}

const special: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "–": "--",
  "−": "$-$",
  "±": "$\\pm$",
  "∞": "$\\infty$",
};

/** Text with what LaTeX would read as commands made plain. */
export const escapeLatex = (text: string): string =>
  text.replace(/[\\~^–−±∞]|[&%$#_{}]/g, (char) => special[char] ?? `\\${char}`);
