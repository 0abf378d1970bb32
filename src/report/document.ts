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
export const list = (items: readonly string[]): Block => ({ kind: "list", items });
export const tableBlock = (caption: string, table: Table): Block => ({ kind: "table", table, caption });

/** A table of columns written as `name` (left) or `>name` (right-aligned, for numbers). */
export const tableOf = (columns: readonly string[], rows: readonly (readonly string[])[]): Table => ({
  columns: columns.map((label) =>
    label.startsWith(">") ? { label: label.slice(1), align: "right" } : { label, align: "left" },
  ),
  rows,
});
