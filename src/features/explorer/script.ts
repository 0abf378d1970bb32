import type { FeatureJson } from "../featureJson.ts";
import type { ExplorerList } from "./data.ts";

/**
 * What the explorer's page runs. Its text goes into the page as it is, so it uses nothing from outside but the page. All text of the
 * data becomes text nodes, never HTML.
 */
export function explore(): void {
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
  const opened = (): number | undefined => {
    const found = /^#latent\/(\d+)$/.exec(location.hash)?.[1];
    return found === undefined ? undefined : Number(found);
  };

  // The list: only what is seen of it is in the page.

  function arrange(): void {
    if (!all) return;
    const { frequency, largest, words: said } = all;
    const wanted = words.value.trim().toLowerCase();
    order = [...frequency.keys()];
    if (/^\d+$/.test(wanted)) order = order.filter((latent) => String(latent).startsWith(wanted));
    else if (wanted) order = order.filter((latent) => said[latent]!.toLowerCase().includes(wanted));
    const by = sort.value;
    if (by === "frequency") order.sort((a, b) => frequency[b]! - frequency[a]! || a - b);
    if (by === "rare") order.sort((a, b) => (frequency[a] || 2) - (frequency[b] || 2) || a - b);
    if (by === "largest") order.sort((a, b) => largest[b]! - largest[a]! || a - b);
    const found = order.length === frequency.length ? "" : ` of ${frequency.length.toLocaleString("en")}`;
    at("count").textContent = `${order.length.toLocaleString("en")}${found} latents`;
    rows.style.height = `${order.length * height}px`;
    const place = order.indexOf(opened() ?? -1);
    choose(place < 0 ? 0 : place);
  }

  function draw(): void {
    if (!all) return;
    const first = Math.max(0, Math.floor(list.scrollTop / height) - 4);
    const end = Math.min(order.length, first + Math.ceil(list.clientHeight / height) + 8);
    const now = opened();
    const drawn: HTMLElement[] = [];
    for (let i = first; i < end; i++) {
      const latent = order[i]!;
      const row = make(
        "a",
        {
          ...{ href: `#latent/${latent}`, role: "option", id: `row-${latent}`, tabindex: "-1" },
          ...{ "aria-selected": String(i === chosen), "aria-current": String(latent === now) },
        },
        make("span", {}, all.frequency[latent] ? percent(all.frequency[latent]!) : "dead"),
        make("b", {}, `${latent}`),
        make("em", {}, `${all.marks[latent]! & 1 ? " dense" : ""}${all.marks[latent]! & 2 ? " duplicate" : ""}`),
        make("small", {}, all.words[latent] || " "),
      );
      row.style.top = `${i * height}px`;
      drawn.push(row);
    }
    rows.replaceChildren(...drawn);
    if (order[chosen] !== undefined) list.setAttribute("aria-activedescendant", `row-${order[chosen]}`);
  }

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

  function latentHtml(one: FeatureJson): Child[] {
    const parts: Child[] = [
      make("p", { class: "back" }, make("a", { href: "#" }, "← all latents")),
      make("h2", { tabindex: "-1" }, `Latent ${one.latent}`),
    ];
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

  function show(): void {
    const latent = opened();
    document.body.classList.toggle("opened", latent !== undefined);
    draw();
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
        latentBox.replaceChildren(
          make("p", { class: "back" }, make("a", { href: "#" }, "← all latents")),
          make(
            "p",
            { class: "notice" },
            `There is no latent ${latent} here: explorer/latents/${latent}.js cannot be read.`,
          ),
        );
    });
    script.addEventListener("load", () => script.remove());
    document.head.append(script);
  }

  function pressed(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target === sort) return;
    const page = Math.max(1, Math.floor(list.clientHeight / height) - 1);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (event.key === "Escape") {
      if (opened() !== undefined) location.hash = "";
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
      arrange();
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
