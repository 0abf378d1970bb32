import { describedKeys } from "../metrics/index.ts";
import type { Block, Table } from "./document.ts";

/** What metrics mean, by the labels that stand over their columns. */
const definitions = new Map(Object.values(describedKeys).map(({ label, definition }) => [label, definition]));

/** Text safe inside an element or a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** Blocks as HTML; `figure` gives a figure's drawing by its name. */
export const htmlOf = (blocks: readonly Block[], figure: (name: string) => string): string =>
  blocks.map((block) => blockOf(block, figure)).join("\n");

/** An id for a heading: its words in lower case. */
export const idOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

function blockOf(block: Block, figure: (name: string) => string): string {
  switch (block.kind) {
    case "heading":
      return `<h2 id="${idOf(block.text)}">${inline(block.text)}</h2>`;
    case "subheading":
      return `<h3>${inline(block.text)}</h3>`;
    case "text":
      return `<p>${inline(block.text)}</p>`;
    case "notice":
      return `<p class="notice">${inline(block.text)}</p>`;
    case "list":
      return `<ul>${block.items.map((item) => `<li>${inline(item)}</li>`).join("")}</ul>`;
    case "table":
      return tableOf(block.table, block.caption);
    case "figure":
      return `<figure id="${escapeHtml(block.name)}">${figure(block.name)}<figcaption>${inline(block.caption)}</figcaption></figure>`;
    case "code":
      return `<pre>${escapeHtml(block.text)}</pre>`;
  }
}

function tableOf({ columns, rows }: Table, caption: string): string {
  // Tables of words become a card a row in narrow windows; tables of numbers scroll.
  const prose = columns.every(({ align }) => align === "left");
  const attributes = columns.map(({ label, align }) => {
    const name = prose ? ` data-label="${escapeHtml(label)}"` : "";
    return align === "right" ? `${name} class="number"` : name;
  });
  const head = columns
    .map(({ label }, index) => {
      const definition = definitions.get(label);
      const title = definition === undefined ? "" : ` title="${escapeHtml(definition)}"`;
      return `<th scope="col"${attributes[index]}${title}>${inline(label)}</th>`;
    })
    .join("");
  const line = (cells: readonly string[]) =>
    `<tr>${cells.map((cell, index) => `<td${attributes[index]}>${inline(cell)}</td>`).join("")}</tr>`;
  const title = caption ? `<p class="caption">${inline(caption)}</p>` : "";
  const table = `<table${prose ? ' class="prose"' : ""}><thead><tr>${head}</tr></thead><tbody>${rows.map(line).join("\n")}</tbody></table>`;
  return `${title}<div class="scroll${rows.length > tallest ? " tall" : ""}" tabindex="0">${table}</div>`;
}

/** Tables of more rows scroll in a frame of their own. */
const tallest = 50;

const inline = (text: string): string =>
  escapeHtml(text)
    // A long key may break after its underscores.
    .replace(/`([^`]+)`/g, (_, code: string) => `<code>${code.replace(/_(?=.)/g, "_<wbr>")}</code>`)
    .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>");

/** vega numbers gradients and clips from 0 in every drawing; on one page they need names of their own. */
export const ownIds = (svg: string, name: string): string =>
  svg.replace(/(id="|url\(#)((?:gradient|clip)[\w-]*)/g, (_, before: string, id: string) => `${before}${name}-${id}`);

/** How a page that opens from disk begins, down to its body. */
export const headOf = (title: string, style: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>`;
