/** The element of an id; the page's own HTML has it. */
export const at = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;

export type Child = Node | string;

/** An element with attributes and children. All text of files becomes text nodes, never HTML. */
export function make<N extends keyof HTMLElementTagNameMap>(
  name: N,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[N] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The same of a drawing. */
export function draw(name: string, attributes: Readonly<Record<string, string | number>>, ...children: Child[]) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** A button that does something. */
export function button(text: string, press: () => void, attributes: Readonly<Record<string, string>> = {}) {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", press);
  return element;
}

/** Says something beside what it is about; an error as a warning. */
export function say(id: string, text: string, wrong = false): void {
  const place = at(`${id}-said`);
  place.textContent = text;
  place.classList.toggle("wrong", wrong);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A table from its column titles (`>` before those of numbers) and cells. */
export function table(caption: string, columns: readonly string[], rows: readonly (readonly Child[])[]): HTMLElement {
  const kind = columns.map((title) => (title.startsWith(">") ? { class: "number" } : {}));
  const head = columns.map((title, i) => make("th", { scope: "col", ...kind[i] }, title.replace(/^>/, "")));
  const lines = rows.map((cells) => make("tr", {}, ...cells.map((cell, i) => make("td", kind[i], cell))));
  const whole = make(
    "table",
    {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...lines),
  );
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, whole);
}

/** Hands a file to the person. */
export function download(name: string, content: Uint8Array | string): void {
  const link = make("a", { href: URL.createObjectURL(new Blob([content as BlobPart])), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A number as people read it: about four digits. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));
}

export const percent = (share: number): string => `${share === 0 ? 0 : Number((100 * share).toPrecision(2))} %`;
export const many = (count: number, what: string): string =>
  `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** Bytes, or seconds, as people say them. */
export const size = (bytes: number): string =>
  bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : bytes < 9.995e8
      ? `${(bytes / 1e6).toPrecision(3)} MB`
      : `${(bytes / 1e9).toPrecision(3)} GB`;
export const duration = (seconds: number): string =>
  seconds < 90
    ? `${Math.max(1, Math.ceil(seconds))} s`
    : seconds < 5400
      ? `${Math.round(seconds / 60)} minutes`
      : `${Math.round(seconds / 3600)} hours`;
