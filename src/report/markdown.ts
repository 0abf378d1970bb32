import type { Block, Table } from "./document.ts";

/** A report as Markdown; figures are links to the .svg files beside it. */
export const markdown = (title: string, blocks: readonly Block[]): string =>
  `${[`# ${title}`, ...blocks.map(blockOf)].join("\n\n")}\n`.replaceAll("<", "&lt;");

/** A table as GitHub's Markdown. */
export function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;
  const dashes = columns.map(({ align }) => (align === "right" ? "--:" : "---"));
  return [line(columns.map(({ label }) => label)), `| ${dashes.join(" | ")} |`, ...rows.map(line)].join("\n");
}

function blockOf(block: Block): string {
  switch (block.kind) {
    case "heading":
      return `## ${block.text}`;
    case "subheading":
      return `### ${block.text}`;
    case "text":
      return block.text;
    case "notice":
      return `> ${block.text}`;
    case "list":
      return block.items.map((item) => `- ${item}`).join("\n");
    case "table":
      return `${block.caption ? `${block.caption}\n\n` : ""}${markdownTable(block.table)}`;
    case "figure":
      return `![${block.title}](${block.name}.svg)\n\n${block.caption}`;
    case "code":
      return `\`\`\`json\n${block.text}\n\`\`\``;
  }
}

const escapeCell = (cell: string) => cell.replaceAll("|", "\\|").replaceAll("\n", " ");
