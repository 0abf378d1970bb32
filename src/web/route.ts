import { at } from "./dom.ts";

export const tabs = ["explore", "train", "evaluate"] as const;
export type Tab = (typeof tabs)[number];

/** What an address asks for: a tab, or something of an SAE. */
export interface Route {
  readonly tab: Tab;
  /** The SAE's name. */
  readonly model?: string;
  readonly of?: "latent" | "row" | "text";
  readonly number?: number;
  /** What somebody wrote to be read. */
  readonly text?: string;
}

/** Reads `#train`, `#sae_d512_k5`, `#sae_d512_k5/latent/185`, `#sae_d512_k5/text/a%20sentence`. */
export function routeOf(hash: string): Route {
  const [first = "", of, number] = hash.replace(/^#/, "").split("/").map(decoded);
  if (first === "" || (tabs as readonly string[]).includes(first)) return { tab: (first || "explore") as Tab };
  if ((of === "latent" || of === "row") && /^\d+$/.test(number ?? ""))
    return { tab: "explore", model: first, of, number: Number(number) };
  if (of === "text" && number) return { tab: "explore", model: first, of, text: number };
  return { tab: "explore", model: first };
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

export const addressOf = (model: string, of?: NonNullable<Route["of"]>, what: number | string = ""): string =>
  `#${encodeURIComponent(model)}${of === undefined ? "" : `/${of}/${encodeURIComponent(what)}`}`;

/** Goes to an address; Back comes back from it. */
export function go(address: string): void {
  // What is asked for is shown at once; to set location.hash would show it a turn of the event loop later.
  if (location.hash !== address) history.pushState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Goes there without a step for Back. */
export function replace(address: string): void {
  history.replaceState(null, "", address);
}

/** What the tab Explore shows when it is chosen: what it showed last. */
let explored = "#explore";
/** Has the tab show something else when it is chosen next. */
export const exploreNext = (address: string): void => {
  explored = address;
};

/** Tabs by pointer, keyboard and address: arrows, Home and End move between them. `explore` is left and found again as it was. */
export function startTabs(shown: (route: Route) => void): void {
  const buttons = tabs.map((tab) => at(`tab-${tab}`));
  const show = () => {
    const route = routeOf(location.hash);
    if (route.model !== undefined) explored = location.hash;
    for (const [i, tab] of tabs.entries()) {
      const is = tab === route.tab;
      buttons[i]!.setAttribute("aria-selected", String(is));
      buttons[i]!.tabIndex = is ? 0 : -1;
      at(tab).hidden = !is;
    }
    shown(route);
  };
  for (const [i, element] of buttons.entries()) {
    const choose = (tab: Tab) => go(tab === "explore" ? explored : `#${tab}`);
    element.addEventListener("click", () => choose(tabs[i]!));
    element.addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = (to + tabs.length) % tabs.length;
      choose(tabs[next]!);
      buttons[next]!.focus();
    });
  }
  addEventListener("hashchange", show);
  show();
}
