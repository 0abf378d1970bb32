import type { Example, Found, LatentList } from "../../browser.ts";
import { at, draw, make, percent } from "../dom.ts";

/** What the list shows, and who is asked for more. */
export interface ListOf {
  readonly list: LatentList;
  readonly latentDim: number;
  readonly snippets: (latents: readonly number[]) => Promise<readonly (Example | null)[]>;
  readonly addressOf: (latent: number) => string;
}

/** Height of a row, in pixels. */
const height = 46;
/** Snippets asked for before and behind what is seen. */
const around = 6;
const sparkBins = 12;
/** Share of rows above which a latent is called dense. */
const dense = 0.1;

let shown: ListOf | undefined;
let order: number[] = [];
let chosen = 0;
let found: ReadonlyMap<number, Found> = new Map();
let opened: number | undefined;
let texts = new Map<number, Example | null>();
let asking = false;

/** Shows another SAE's latents, or nothing. */
export function showList(one: ListOf | undefined): void {
  shown = one;
  texts = new Map();
  found = new Map();
  // Rows of the latents before, which have the same numbers.
  at("rows").replaceChildren();
  at("list").scrollTop = 0;
  arrange();
}

/** The latent at the top of the list. */
export const firstLatent = (): number | undefined => order[0];

/** Shows only latents that were found, in their order; all of them where nothing is given. `first` comes before them. */
export function showFound(latents: readonly Found[] | undefined, first?: number): void {
  found = new Map(latents?.map((one) => [one.latent, one]));
  if (!latents && first === undefined) {
    arrange();
    return;
  }
  const others = (latents ?? []).map(({ latent }) => latent).filter((latent) => latent !== first);
  setOrder(first === undefined ? others : [first, ...others]);
}

/** The latents that were found, or all, in the order that is chosen. */
function arrange(): void {
  if (!shown) {
    setOrder([]);
    return;
  }
  const { frequency, largest } = shown.list;
  const all = found.size > 0 ? [...found.keys()] : Array.from({ length: shown.latentDim }, (_, latent) => latent);
  const by = at<HTMLSelectElement>("sort").value;
  // Latents that fire nearly everywhere say least: they come last.
  const often = (latent: number) => (frequency[latent]! > dense ? frequency[latent]! - 2 : frequency[latent]! || -3);
  if (by === "frequency") all.sort((a, b) => often(b) - often(a) || a - b);
  if (by === "rare") all.sort((a, b) => (frequency[a]! || 2) - (frequency[b]! || 2) || a - b);
  if (by === "largest") all.sort((a, b) => Math.abs(largest[b]!) - Math.abs(largest[a]!) || a - b);
  setOrder(all);
}

function setOrder(latents: number[]): void {
  order = latents;
  const all = shown?.latentDim ?? 0;
  const part = order.length === all ? "" : ` of ${all.toLocaleString("en")}`;
  const { frequency = new Float32Array() } = shown?.list ?? {};
  const [alive, often] = [0, dense].map((least) => frequency.filter((share) => share > least).length) as [
    number,
    number,
  ];
  const whole = `, ${(all - alive).toLocaleString("en")} never fire${often && at<HTMLSelectElement>("sort").value === "frequency" ? `; ${often.toLocaleString("en")} in over 10 % come last` : ""}`;
  at("count").textContent = shown ? `${order.length.toLocaleString("en")}${part} latents${part ? "" : whole}` : "";
  at("rows").style.height = `${order.length * height}px`;
  const place = order.indexOf(opened ?? -1);
  chosen = Math.max(0, place);
  reveal();
}

/** Marks the latent that is open. */
export function markOpened(latent: number | undefined): void {
  opened = latent;
  const place = latent === undefined ? -1 : order.indexOf(latent);
  const list = at("list");
  if (place >= 0) chosen = place;
  const top = chosen * height;
  // One that is out of sight comes to the middle.
  if (top < list.scrollTop || top + height > list.scrollTop + list.clientHeight)
    list.scrollTop = top - (list.clientHeight - height) / 2;
  drawRows();
}

/** Chooses a place of the list and brings it into view. */
function choose(place: number): void {
  chosen = Math.max(0, Math.min(order.length - 1, place));
  reveal();
}

function reveal(): void {
  const list = at("list");
  const top = chosen * height;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
  drawRows();
}

/**
 * Draws what is seen of the list: no more of it is in the page. A row that is there already stays and is brought up to date: a browser
 * drops the click whose element goes between the press and the release, as it would when texts come in.
 */
export function drawRows(): void {
  if (!shown) return;
  const list = at("list");
  const rows = at("rows");
  const first = Math.max(0, Math.floor(list.scrollTop / height) - around);
  const end = Math.min(order.length, first + Math.ceil(list.clientHeight / height) + 2 * around);
  const seen = order.slice(first, end);
  const there = new Map(Array.from(rows.children, (row) => [Number(row.id.slice(4)), row as HTMLElement]));
  for (const [latent, row] of there) if (!seen.includes(latent)) row.remove();
  for (const [i, latent] of seen.entries()) {
    const row = there.get(latent) ?? rowOf(shown, latent);
    if (rows.children[i] !== row) rows.insertBefore(row, rows.children[i] ?? null);
    update(row, shown, latent, first + i);
  }
  if (order[chosen] === undefined) list.removeAttribute("aria-activedescendant");
  else list.setAttribute("aria-activedescendant", `row-${order[chosen]}`);
  void ask(seen.filter((latent) => !texts.has(latent)));
}

async function ask(latents: readonly number[]): Promise<void> {
  if (asking || latents.length === 0 || !shown) return;
  asking = true;
  const mine = shown;
  const answers = await mine.snippets(latents).catch(() => undefined);
  asking = false;
  if (shown === mine && !answers) return;
  if (shown === mine) for (const [i, latent] of latents.entries()) texts.set(latent, answers![i]!);
  drawRows();
}

/** The row of a latent: what never changes of it. */
function rowOf({ list, addressOf }: ListOf, latent: number): HTMLElement {
  const below = list.negative[latent]!;
  const sign = list.frequency[latent] === 0 ? "" : below === 0 ? "+" : below === 1 ? "−" : "±";
  return make(
    "a",
    { href: addressOf(latent), role: "option", id: `row-${latent}`, tabindex: "-1" },
    make("b", {}, String(latent)),
    make("i", { class: below > 0.5 ? "below" : "above", title: signWords[sign]! }, sign),
    sparkOf(list.spark.subarray(latent * sparkBins, (latent + 1) * sparkBins)),
    make("em"),
    make("small"),
  );
}

/** What changes of a row: its place, whether it is chosen or open, how often it fires, and its snippet. */
function update(row: HTMLElement, { list }: ListOf, latent: number, place: number): void {
  const share = list.frequency[latent]!;
  const hit = found.get(latent);
  row.style.top = `${place * height}px`;
  row.classList.toggle("opened", latent === opened);
  row.setAttribute("aria-selected", String(place === chosen));
  row.setAttribute("aria-posinset", String(place + 1));
  row.setAttribute("aria-setsize", String(order.length));
  row.querySelector("em")!.textContent =
    share === 0 ? "never fires" : hit ? `${hit.hits} of ${hit.fires} ${hit.of}` : percent(share);
  row.querySelector("small")!.replaceChildren(...snippetOf(texts.get(latent)));
}

const signWords: Readonly<Record<string, string>> = {
  "": "",
  "+": "its activations are positive",
  "−": "its activations are negative",
  "±": "its activations have both signs",
};

function sparkOf(bars: Uint8Array): HTMLElement {
  // One element for all bars: the list is drawn anew as it is scrolled.
  const d = Array.from(bars, (bar, i) => `M${4 * i} 14v${(-14 * bar) / 255}h3.2V14z`).join("");
  const svg = draw("svg", { class: "spark", viewBox: "0 0 48 14", "aria-hidden": "true" }, draw("path", { d }));
  return svg as never;
}

/** A few words around its strongest row. */
function snippetOf(example: Example | null | undefined): (string | HTMLElement)[] {
  if (!example) return [example === null ? "" : "…"];
  const { tokens, at: own = 0, text, row } = example;
  if (!tokens) return [text ?? `row ${row}`];
  return [tokens.slice(0, own).join(""), make("b", {}, tokens[own] ?? ""), tokens.slice(own + 1).join("")];
}

/** The list by pointer and keyboard. `enter` opens a latent, `leave` goes back. */
export function startList(enter: (latent: number) => void, leave: () => void): void {
  const list = at("list");
  let waiting = false;
  list.addEventListener(
    "scroll",
    () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        drawRows();
      });
    },
    { passive: true },
  );
  new ResizeObserver(() => drawRows()).observe(list);
  at("sort").addEventListener("change", () => arrange());
  at("rows").addEventListener("click", (event) => {
    const row = (event.target as Element).closest("a");
    if (row) choose(order.indexOf(Number(row.id.slice(4))));
  });
  const keys = (event: KeyboardEvent) => {
    // From the field of the search one goes on in the list.
    if (event.key === "ArrowDown" && event.currentTarget !== list) list.focus();
    const page = Math.max(1, Math.floor(list.clientHeight / height) - 1);
    const inList = event.currentTarget === list;
    const moves: Record<string, number> = {
      ...{ ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + page, PageUp: chosen - page },
      ...(inList ? { Home: 0, End: order.length - 1 } : {}),
    };
    const to = moves[event.key];
    if (to !== undefined) choose(to);
    else if (event.key === "Enter" && inList && order[chosen] !== undefined) enter(order[chosen]!);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
  };
  list.addEventListener("keydown", keys);
  at("words").addEventListener("keydown", keys);
}
