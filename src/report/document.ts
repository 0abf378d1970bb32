/** A table: columns with their alignment, and the text of every cell. */
export interface Table {
  readonly columns: readonly { readonly label: string; readonly align: "left" | "right" }[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * One piece of a report, the same for the page and for Markdown. Text may hold `code` between backquotes and **strong** between
 * double asterisks, nothing else.
 */
export type Block =
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "subheading"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | { readonly kind: "table"; readonly table: Table; readonly caption: string }
  | { readonly kind: "figure"; readonly name: string; readonly title: string; readonly caption: string }
  | { readonly kind: "code"; readonly text: string };

export const heading = (text: string): Block => ({ kind: "heading", text });
export const subheading = (text: string): Block => ({ kind: "subheading", text });
export const text = (text: string): Block => ({ kind: "text", text });
export const notice = (text: string): Block => ({ kind: "notice", text });
/** Longer lists and tables are cut short: nobody reads them to the end on a page. */
const longest = { list: 100, table: 1000 };

export const list = (items: readonly string[]): Block => ({
  kind: "list",
  items:
    items.length > longest.list ? [...items.slice(0, longest.list), `And ${items.length - longest.list} more.`] : items,
});

/** A table under its caption. One cut short says so: the numbers of every SAE are in metrics.csv. */
export function tableBlock(caption: string, table: Table): Block {
  const { columns, rows } = table;
  if (rows.length <= longest.table) return { kind: "table", table, caption };
  const cut = `The first ${longest.table} of ${rows.length} rows; metrics.csv has all SAEs.`;
  const text = caption && `${caption}${/[.:]$/.test(caption) ? "" : "."}`;
  return {
    kind: "table",
    table: { columns, rows: rows.slice(0, longest.table) },
    caption: [text, cut].filter(Boolean).join(" "),
  };
}

/** A table of columns written as `name` (left) or `>name` (right-aligned, for numbers). */
export const tableOf = (columns: readonly string[], rows: readonly (readonly string[])[]): Table => ({
  columns: columns.map((label) =>
    label.startsWith(">") ? { label: label.slice(1), align: "right" } : { label, align: "left" },
  ),
  rows,
});
