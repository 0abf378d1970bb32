import type { FeatureJson } from "../featureJson.ts";
import type { ExplorerList } from "./data.ts";
import type { findLatents, sayFound } from "./find.ts";

/**
 * What the explorer's page runs. Its text goes into the page as it is, so it uses nothing from outside but the page. All text of the
 * data becomes text nodes, never HTML.
 * @param latents - how many there are; `explorer/latents/N.js` is there for each.
 * @param find - and `say`: the functions of `find.ts`.
 */
export function explore(latents: number, find: typeof findLatents, say: typeof sayFound): void {
  type Example = FeatureJson["top"][number];
  type Child = Node | string;

  const at = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
  const [list, rows, latentBox, words, sort] = [
    at("list"),
    at("rows"),
    at("latent"),
    at<HTMLInputElement>("words"),
    at<HTMLSelectElement>("sort"),
  ];
  const height = 44;
  let all: ExplorerList | undefined;
  /** The list's words as they are compared; what the search sees of each latent besides; the same as it is compared. */
  let lines: readonly string[] = [];
  let texts: readonly string[] = [];
  let compared: readonly string[] = [];
  let order: number[] = [];
  let chosen = 0;
  const read = new Map<number, FeatureJson>();

  /** An element with attributes and children; texts become text nodes. */
  function make(name: string, attributes: Readonly<Record<string, string>>, ...children: Child[]): HTMLElement {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  const percent = (share: number) => `${share === 0 ? 0 : Number((100 * share).toPrecision(3))} %`;
  const number = (value: number | null) =>
    value === null
      ? "–"
      : value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e6)
        ? value.toExponential(1)
        : String(Number(value.toPrecision(4)));
  const many = (count: number, what: string) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  /** Whether the address names anything. */
  const isAddressed = () => location.hash.length > 1;
  const opened = (): number | undefined => {
    const latent = Number(/^#latent\/(\d+)$/.exec(location.hash)?.[1] ?? latents);
    return latent < latents ? latent : undefined;
  };

  // The search: numbers that begin with a number; else words of the list, then of the texts.

  /** As words are compared: without case, and with one apostrophe. */
  const plain = (text: string) => text.toLowerCase().replace(/[’ʼ]/g, "'");
  const wanted = () => plain(words.value.trim());

  /** Reads what is searched besides the list, when it is first wanted: first paint does not wait for it. */
  function readTexts(): void {
    words.removeEventListener("input", readTexts);
    const script = make("script", { src: "explorer/texts.js" });
    script.addEventListener("load", () => script.remove());
    document.head.append(script);
  }

  /** The line below a latent's number: its words, or where the search has found it. */
  function lineOf(latent: number): string {
    const line = all!.words[latent]!;
    const sought = wanted();
    if (!sought || String(latent).startsWith(sought) || lines[latent]!.includes(sought)) return line || " ";
    const place = compared[latent]?.indexOf(sought) ?? -1;
    return place < 0 ? line || " " : `… ${texts[latent]!.slice(Math.max(0, place - 20), place + 60)}`;
  }

  // The list: only what is seen of it is in the page.

  function arrange(): void {
    if (!all) return;
    const { frequency, largest } = all;
    order = [...frequency.keys()];
    const by = sort.value;
    if (by === "frequency") order.sort((a, b) => frequency[b]! - frequency[a]! || a - b);
    if (by === "rare") order.sort((a, b) => (frequency[a] || 2) - (frequency[b] || 2) || a - b);
    if (by === "largest") order.sort((a, b) => largest[b]! - largest[a]! || a - b);
    if (wanted()) order = find(order, wanted(), lines, compared);
    const part = order.length === latents ? "" : ` of ${latents.toLocaleString("en")}`;
    at("count").textContent =
      `${order.length.toLocaleString("en")}${part} latents${wanted() && say(order, words.value.trim(), latents)}`;
    rows.style.height = `${order.length * height}px`;
    // Enter opens what is found first, not what is open already.
    choose(wanted() ? 0 : Math.max(0, order.indexOf(opened() ?? -1)));
  }

  /** Rows that are there already stay and are brought up to date: a browser drops the click whose element goes between press and release. */
  function draw(): void {
    if (!all) return;
    const first = Math.max(0, Math.floor(list.scrollTop / height) - 4);
    const seen = order.slice(first, first + Math.ceil(list.clientHeight / height) + 8);
    const now = opened();
    const there = new Map(Array.from(rows.children, (row) => [Number(row.id.slice(4)), row as HTMLElement]));
    for (const [latent, row] of there) if (!seen.includes(latent)) row.remove();
    for (const [i, latent] of seen.entries()) {
      const row = there.get(latent) ?? rowOf(all, latent);
      if (rows.children[i] !== row) rows.insertBefore(row, rows.children[i] ?? null);
      row.style.top = `${(first + i) * height}px`;
      row.setAttribute("aria-selected", String(first + i === chosen));
      row.setAttribute("aria-current", String(latent === now));
      row.querySelector("small")!.textContent = lineOf(latent);
    }
    if (order[chosen] === undefined) list.removeAttribute("aria-activedescendant");
    else list.setAttribute("aria-activedescendant", `row-${order[chosen]}`);
  }

  /** The row of a latent: what never changes of it. */
  const rowOf = ({ frequency, marks }: ExplorerList, latent: number): HTMLElement =>
    make(
      "a",
      { href: `#latent/${latent}`, role: "option", id: `row-${latent}`, tabindex: "-1" },
      make("span", {}, frequency[latent] ? percent(frequency[latent]!) : "dead"),
      make("b", {}, `${latent}`),
      make("em", {}, `${marks[latent]! & 1 ? " dense" : ""}${marks[latent]! & 2 ? " duplicate" : ""}`),
      make("small", {}),
    );

  /** Chooses a place of the list and brings it into view. */
  function choose(place: number): void {
    chosen = Math.max(0, Math.min(order.length - 1, place));
    const top = chosen * height;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + height > list.scrollTop + list.clientHeight) list.scrollTop = top + height - list.clientHeight;
    draw();
  }

  // One latent.

  function shaded(one: Example, largest: number): HTMLElement {
    const text = make("p", { class: "words" });
    const { tokens, activations = [], cut = [false, false], at: own } = one;
    if (!tokens) {
      text.append(one.text ?? "(no text is known of this row)");
      return text;
    }
    if (cut[0]) text.append(make("span", { class: "cut" }, "… "));
    for (const [i, token] of tokens.entries()) {
      const value = activations[i] ?? null;
      const span = make("span", i === own ? { class: "own" } : {}, token);
      if (value === null) span.title = "no row of the data is this token";
      else {
        span.title = `${number(value)}`;
        if (value !== 0) {
          span.style.setProperty("--tint", value < 0 ? "var(--down)" : "var(--up)");
          span.style.setProperty("--part", `${Math.round(8 + 47 * Math.min(1, Math.abs(value) / largest))}%`);
        }
      }
      text.append(span);
    }
    if (cut[1]) text.append(make("span", { class: "cut" }, " …"));
    return text;
  }

  const exampleOf = (one: Example, largest: number): HTMLElement =>
    make(
      "div",
      { class: "example" },
      make(
        "div",
        { class: "value" },
        number(one.value),
        make("small", {}, `row ${one.row}`),
        make("small", one.split === "validation" ? { class: "held" } : {}, one.split),
      ),
      shaded(one, largest),
    );

  function tableOf(columns: readonly string[], lines: readonly (readonly Child[])[]): HTMLElement {
    const head = make("tr", {}, ...columns.map((name, i) => make("th", i === 0 ? {} : { class: "number" }, name)));
    const cells = lines.map((line) =>
      make("tr", {}, ...line.map((cell, i) => make("td", i === 0 ? {} : { class: "number" }, cell))),
    );
    const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...cells));
    return make("div", { class: "scroll", tabindex: "0" }, table);
  }

  const linkTo = (latent: number, beside = "") =>
    make("span", {}, make("a", { href: `#latent/${latent}` }, `${latent}`), make("small", {}, beside && ` ${beside}`));

  function histogram({ from, to, counts }: NonNullable<FeatureJson["histogram"]>): HTMLElement {
    const most = Math.max(...counts, 1);
    const width = (to - from) / counts.length;
    const bars = counts.map((count, i) => {
      const bar = make("i", from + (i + 0.5) * width < 0 ? { class: "below" } : {});
      bar.style.height = `${(100 * count) / most}%`;
      bar.title = `${many(count, "row")} from ${number(from + i * width)} to ${number(from + (i + 1) * width)}`;
      return bar;
    });
    const label = `Histogram of its activations, from ${number(from)} to ${number(to)}`;
    return make(
      "div",
      {},
      make("div", { class: "bars", role: "img", "aria-label": label }, ...bars),
      make("div", { class: "ends" }, make("span", {}, number(from)), make("span", {}, number(to))),
    );
  }

  /** How the latent goes together with the values of an attribute. */
  function valuesOf({ name, values }: FeatureJson["attributes"][number]): Child[] {
    if (values.length === 0) return [];
    const title = name === "token" ? "Tokens" : `Label ${name}`;
    const columns = [name, "share of activation", "fires in", "lift", "bits", "false discoveries"];
    const lines = values.map((value) => [
      make("span", { class: "token" }, value.value),
      percent(value.share),
      `${value.fires.toLocaleString("en")} of ${value.rows.toLocaleString("en")} rows`,
      number(value.lift),
      number(value.mutual_information),
      value.q === null
        ? "one row"
        : value.q > 0.05
          ? "may be chance"
          : `below ${value.q < 1e-12 ? "1e-12" : number(value.q)}`,
    ]);
    return [
      make("h3", {}, `${title} `, make("small", {}, "by their share of its activation")),
      tableOf(columns, lines),
    ];
  }

  const backLink = () => make("p", { class: "back" }, make("a", { href: "#" }, "← all latents"));

  function latentHtml(one: FeatureJson): Child[] {
    const parts: Child[] = [backLink(), make("h2", { tabindex: "-1" }, `Latent ${one.latent}`)];
    if (one.dead) return [...parts, make("p", {}, "It never fires on these rows.")];
    const tags = [
      ...(one.dense ? ["dense: fires in more than a tenth of the rows"] : []),
      ...(one.positive.rows > 0 && one.negative.rows > 0 ? ["both signs"] : []),
    ];
    if (tags.length > 0) parts.push(make("p", {}, ...tags.map((tag) => make("span", { class: "tag" }, tag))));
    if (one.duplicates.length > 0)
      parts.push(
        make("p", { class: "links" }, "All but the same as", ...one.duplicates.map((latent) => linkTo(latent))),
      );
    const splits = [
      ...(one.frequency_train === null ? [] : [`${percent(one.frequency_train)} of the training rows`]),
      ...(one.frequency_validation === null ? [] : [`${percent(one.frequency_validation)} of the validation rows`]),
    ];
    parts.push(
      make("p", {}, `Fires in ${many(one.rows, "row")}, ${percent(one.frequency)}: ${splits.join(", ")}.`),
      ...(["positive", "negative"] as const).flatMap((sign) => {
        const { rows: count, mean, largest } = one[sign];
        if (count === 0) return [];
        return [
          make(
            "p",
            {},
            `${sign[0]!.toUpperCase()}${sign.slice(1)} in ${many(count, "row")}: mean magnitude ${number(mean)}, largest ${number(largest)}.`,
          ),
        ];
      }),
    );
    if (one.histogram) parts.push(histogram(one.histogram));
    const [tokens, labels] = [true, false].map((wanted) =>
      one.attributes.filter(({ name }) => (name === "token") === wanted),
    );
    parts.push(...tokens!.flatMap(valuesOf));
    for (const [key, title] of [
      ["promoted", "Tokens it promotes"],
      ["suppressed", "Tokens it suppresses"],
    ] as const) {
      const tokens = one[key];
      if (!tokens) continue;
      parts.push(
        make("h3", {}, title),
        make(
          "p",
          { class: "links" },
          ...tokens.map(({ token, logit }) =>
            make("span", {}, make("span", { class: "token" }, token), make("small", {}, ` ${number(logit)}`)),
          ),
        ),
      );
    }
    const largest = Math.max(one.positive.largest ?? 0, one.negative.largest ?? 0);
    parts.push(make("h3", {}, "Strongest rows"), ...one.top.map((row) => exampleOf(row, largest)));
    for (const { from, to, examples } of one.bands)
      parts.push(
        make(
          "h3",
          {},
          `Rows from ${number(from)} to ${number(to)} `,
          make("small", {}, `magnitudes of one in ${one.bands.length} of its rows`),
        ),
        ...examples.map((row) => exampleOf(row, largest)),
      );
    parts.push(...labels!.flatMap(valuesOf));
    if (one.nearest.length > 0)
      parts.push(
        make("h3", {}, "Nearest by decoder ", make("small", {}, "cosine")),
        make("p", { class: "links" }, ...one.nearest.map(({ latent, cosine }) => linkTo(latent, number(cosine)))),
      );
    if (one.together.length > 0)
      parts.push(
        make("h3", {}, "Fires together with ", make("small", {}, "share of their rows in common")),
        make("p", { class: "links" }, ...one.together.map(({ latent, jaccard }) => linkTo(latent, percent(jaccard)))),
      );
    return parts;
  }

  /** Says in the place of a latent why there is none. */
  const refuse = (why: string): void => latentBox.replaceChildren(backLink(), make("p", { class: "notice" }, why));

  function show(): void {
    const latent = opened();
    document.body.classList.toggle("opened", isAddressed());
    draw();
    if (latent === undefined && isAddressed()) {
      refuse(`${location.hash} is no latent here: they are #latent/0 to #latent/${latents - 1}.`);
      return;
    }
    if (latent === undefined) {
      latentBox.replaceChildren(make("p", { class: "about" }, "Choose a latent."));
      list.focus({ preventScroll: true });
      return;
    }
    const known = read.get(latent);
    if (known) {
      latentBox.replaceChildren(...latentHtml(known));
      latentBox.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
      scrollTo(0, 0);
      return;
    }
    const script = make("script", { src: `explorer/latents/${latent}.js` });
    script.addEventListener("error", () => {
      script.remove();
      if (opened() === latent)
        refuse(`explorer/latents/${latent}.js cannot be read: the folder explorer belongs beside this page.`);
    });
    script.addEventListener("load", () => script.remove());
    document.head.append(script);
  }

  function pressed(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target === sort) return;
    const page = Math.max(1, Math.floor(list.clientHeight / height) - 1);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (event.key === "Escape") {
      if (isAddressed()) location.hash = "";
      else if (words.value) {
        words.value = "";
        arrange();
      }
    } else if (event.key === "Enter" && order[chosen] !== undefined && (event.target as Element).tagName !== "A")
      location.hash = `#latent/${order[chosen]}`;
    else if (moves[event.key] !== undefined) {
      // In a narrow window the arrows scroll the latent that is open.
      if (list.offsetParent === null) return;
      choose(chosen + moves[event.key]!);
    } else return;
    event.preventDefault();
  }

  Object.assign(globalThis, {
    saeOnnxList(given: ExplorerList) {
      all = given;
      lines = given.words.map(plain);
      arrange();
    },
    saeOnnxTexts(given: readonly string[]) {
      texts = given;
      compared = given.map(plain);
      if (wanted()) arrange();
    },
    saeOnnxLatent(given: FeatureJson) {
      read.set(given.latent, given);
      if (opened() === given.latent) show();
    },
  });
  list.addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", draw);
  addEventListener("hashchange", show);
  addEventListener("keydown", pressed);
  words.addEventListener("input", readTexts);
  words.addEventListener("input", arrange);
  sort.addEventListener("change", arrange);
  at("find").addEventListener("submit", (event) => event.preventDefault());
  rows.addEventListener("click", (event) => {
    const row = (event.target as Element).closest("a");
    const place = order.indexOf(Number(row?.id.slice(4)));
    if (row && place >= 0) choose(place);
  });
  show();
}
