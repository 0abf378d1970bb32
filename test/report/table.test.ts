import { expect, test } from "vitest";
import { configurations } from "../../src/report/configurations.ts";
import { tableOf } from "../../src/report/document.ts";
import { escapeHtml, htmlOf } from "../../src/report/html.ts";
import { escapeLatex, latexTable } from "../../src/report/latex.ts";
import { markdownTable } from "../../src/report/markdown.ts";
import { recordsTable } from "../../src/report/table.ts";
import { row } from "./sample.ts";

const table = tableOf(["Name", ">Value"], [["a|b & c_d", "−1.5"]]);

test("Markdown escapes bars and aligns numbers right", () => {
  expect(markdownTable(table)).toBe("| Name | Value |\n| --- | --: |\n| a\\|b & c_d | −1.5 |");
});

test("LaTeX escapes what it would read as commands", () => {
  expect(latexTable(table, "50% of {x}")).toBe(
    "\\begin{table}\n\\centering\n\\caption{50\\% of \\{x\\}}\n\\begin{tabular}{lr}\n\\toprule\nName & Value \\\\\n\\midrule\n" +
      "a|b \\& c\\_d & $-$1.5 \\\\\n\\bottomrule\n\\end{tabular}\n\\end{table}\n",
  );
  expect(escapeLatex("a\\b~c^d")).toBe("a\\textbackslash{}b\\textasciitilde{}c\\textasciicircum{}d");
});

test("HTML escapes, and reads code and strong only", () => {
  expect(escapeHtml(`<a href="x">'&`)).toBe("&#60;a href=&#34;x&#34;&#62;&#39;&#38;");
  const html = htmlOf([{ kind: "text", text: "**bold** `code` <i>no</i>" }], () => "");
  expect(html).toBe("<p><strong>bold</strong> <code>code</code> &#60;i&#62;no&#60;/i&#62;</p>");
});

test("columns are those that tell rows apart and the metrics there are", () => {
  const { columns, rows } = recordsTable(
    configurations([row({ seed: 1, k: 8 }), row({ seed: 0, metrics: { explained_variance: null } })]),
  );
  expect(columns.map(({ label }) => label)).toEqual([
    "Latents",
    "k",
    "Seed",
    "Explained variance",
    "Feature death rate",
    "Training (s)",
  ]);
  expect(rows).toEqual([
    ["64", "4", "0", "–", "–", "1.5"],
    ["64", "8", "1", "0.500", "0.250", "1.5"],
  ]);
});
