import { escapeHtml } from "../browser.ts";

/** The element of an id; the page's own HTML has it. */
export const at = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;

/** Says something beside what it is about; an error as a warning. */
export function say(id: string, text: string, wrong = false): void {
  const place = at(`${id}-said`);
  place.textContent = text;
  place.classList.toggle("wrong", wrong);
}

/** Runs some work, and says its error beside the place it was asked for. The page goes on. */
export async function attempt(id: string, work: () => Promise<void>): Promise<void> {
  try {
    say(id, "");
    await work();
  } catch (error) {
    say(id, error instanceof Error ? error.message : String(error), true);
  }
}

/** A table from its column titles (`>` before those of numbers) and cells that are HTML already. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const kind = columns.map((title) => (title.startsWith(">") ? ' class="number"' : ""));
  const head = columns.map((title, i) => `<th scope="col"${kind[i]}>${escapeHtml(title.replace(/^>/, ""))}</th>`);
  const lines = rows.map((cells) => `<tr>${cells.map((cell, i) => `<td${kind[i]}>${cell}</td>`).join("")}</tr>`);
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head.join("")}</tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}

/** Hands a file to the person. */
export function download(name: string, content: Uint8Array | string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content as BlobPart]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A number as people read it: about four digits. */
export const short = (value: number | null | undefined): string =>
  value === null || value === undefined || Number.isNaN(value)
    ? "-"
    : Number.isInteger(value)
      ? String(value)
      : String(Number(value.toPrecision(4)));
