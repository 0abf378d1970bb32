import type { Example, FeatureJson } from "../../browser.ts";
import { histogram } from "../chart.ts";
import { type Child, make, many, percent, short, table } from "../dom.ts";
import { shaded } from "./words.ts";

/** How addresses within the SAE that is open are made. */
export interface Links {
  readonly latent: (latent: number) => string;
  readonly row: (row: number) => string;
}

/** What a row is called: a token of a text, where rows are tokens. */
export interface RowWords {
  readonly one: string;
  /** Whether there are validation rows to be told apart. */
  readonly splits: boolean;
}

const link = (href: string, text: string, beside = "") =>
  make("span", {}, make("a", { href }, text), ...(beside ? [make("small", {}, ` ${beside}`)] : []));

function exampleOf(one: Example, largest: number, links: Links, { splits }: RowWords): HTMLElement {
  const about = make(
    "div",
    { class: "value" },
    short(one.value),
    make("a", { href: links.row(one.row), "aria-label": `Row ${one.row} with all its latents` }, `row ${one.row}`),
    ...(splits && one.split === "validation" ? [make("small", { title: "not trained on" }, "validation")] : []),
  );
  return make("div", { class: "example" }, about, shaded(one, largest));
}

type Value = FeatureJson["attributes"][number]["values"][number];

/** Whether a value goes with the latent more often than by chance. */
const isSure = ({ q, lift }: Value): boolean => q !== null && q <= 0.05 && lift > 1;

/** How the latent goes together with the values of an attribute: those that are no chance, the others behind them. */
function valuesOf({ name, values }: FeatureJson["attributes"][number], row: string): Child[] {
  const lines = (some: readonly Value[]) =>
    some.map((value) => [
      make("span", { class: "token" }, value.value),
      percent(value.share),
      `${value.fires.toLocaleString("en")} of ${value.rows.toLocaleString("en")}`,
      short(Number(value.lift.toPrecision(3))),
      value.q === null
        ? `a single ${row}`
        : value.q > 0.05
          ? "may be chance"
          : value.q < 1e-6
            ? "sure"
            : `below ${short(value.q)}`,
    ]);
  const columns = [name, ">of its activation", `>fires in ${row}s`, ">times as often as elsewhere", ">by chance"];
  const [sure, others] = [values.filter(isSure), values.filter((one) => !isSure(one))];
  const title = name === "token" ? "Tokens it is specific to" : `What it is specific to of ${name}`;
  const rest = `By ${name}, what may be chance`;
  return [
    ...(sure.length > 0
      ? [make("h3", {}, title), table(`Values of ${name} it fires on more often than by chance`, columns, lines(sure))]
      : []),
    ...(others.length > 0 ? [more(rest, [table(rest, columns, lines(others))])] : []),
  ];
}

/** Both signs, each by itself. */
function signSentences({ positive, negative }: FeatureJson, row: string): string[] {
  const of = (sign: string, { rows, mean, largest }: FeatureJson["positive"], always: boolean) =>
    rows === 0
      ? []
      : [
          `${always ? `Always ${sign}` : `${sign[0]!.toUpperCase()}${sign.slice(1)} in ${many(rows, row)}`}: mean ${short(mean)}, largest ${short(largest)}.`,
        ];
  return [...of("positive", positive, negative.rows === 0), ...of("negative", negative, positive.rows === 0)];
}

/** All that is to know of a latent. */
export function panelOf(one: FeatureJson, links: Links, words: RowWords, pushing: readonly Child[]): Child[] {
  const { one: row } = words;
  const heading = make("h2", { tabindex: "-1" }, `Latent ${one.latent}`);
  const back = make("p", { class: "back" }, make("a", { href: "#", "data-back": "" }, "← all latents"));
  if (one.dead) return [back, heading, make("p", {}, `It never fires on these ${row}s.`)];
  const tags = [
    ...(one.dense ? [`fires in more than a tenth of the ${row}s`] : []),
    ...(one.positive.rows > 0 && one.negative.rows > 0 ? ["both signs"] : []),
  ];
  const largest = Math.max(one.positive.largest ?? 0, one.negative.largest ?? 0);
  const held = one.frequency_validation;
  const ofHeld = held === null || !words.splits ? "" : `; ${percent(held)} of those not trained on`;
  const firing = `Fires in ${many(one.rows, row)} (${percent(one.frequency)}${ofHeld}).`;
  const token = one.attributes.find(({ name }) => name === "token");
  const bands = one.bands.filter(({ examples }) => examples.length > 0);
  return [
    back,
    heading,
    ...(tags.length > 0 ? [make("p", {}, ...tags.map((tag) => make("span", { class: "tag" }, tag)))] : []),
    make("p", {}, [firing, ...signSentences(one, row)].join(" ")),
    make("h3", {}, "Where it fires most"),
    make(
      "p",
      { class: "caption" },
      one.top[0]?.tokens
        ? "The more a token is shaded, the more strongly it fires there; the number is how strongly at the outlined one."
        : "The number is how strongly it fires there.",
    ),
    ...one.top.slice(0, 8).map((example) => exampleOf(example, largest, links, words)),
    ...(one.top.length > 8
      ? [
          more(
            `${one.top.length - 8} more`,
            one.top.slice(8).map((example) => exampleOf(example, largest, links, words)),
          ),
        ]
      : []),
    make("h3", {}, "Where it fires less ", make("small", {}, `${row}s drawn from each fifth of those it fires in`)),
    ...bands.slice(1).map(({ from, to, examples }) =>
      more(
        `from ${short(from)} to ${short(to)}`,
        examples.map((example) => exampleOf(example, largest, links, words)),
      ),
    ),
    ...pushing,
    make("h3", {}, "How strongly"),
    ...(one.histogram ? [histogram(one.histogram)] : []),
    ...(token ? valuesOf(token, row) : []),
    ...one.attributes.filter(({ name }) => name !== "token").flatMap((attribute) => valuesOf(attribute, row)),
    ...logitsOf(one),
    ...near(
      "Nearest by decoder",
      "cosine of the decoder's rows",
      one.nearest.map(({ latent, cosine }) => link(links.latent(latent), `${latent}`, short(cosine))),
    ),
    ...near(
      "Fires together with",
      `share of their ${row}s in common`,
      one.together.map(({ latent, jaccard }) => link(links.latent(latent), `${latent}`, percent(jaccard))),
    ),
    ...(one.duplicates.length > 0
      ? near(
          "All but the same as",
          "",
          one.duplicates.map((latent) => link(links.latent(latent), `${latent}`)),
        )
      : []),
  ];
}

const more = (summary: string, parts: readonly Child[]): HTMLElement =>
  make("details", {}, make("summary", {}, summary), ...parts);

const near = (title: string, beside: string, links: readonly HTMLElement[]): Child[] =>
  links.length === 0
    ? []
    : [make("h3", {}, `${title} `, make("small", {}, beside)), make("p", { class: "links" }, ...links)];

/** Tokens whose logits it raises and lowers, where an unembedding was given. */
const logitsOf = ({ promoted, suppressed }: FeatureJson): Child[] =>
  [["Tokens it promotes", promoted] as const, ["Tokens it suppresses", suppressed] as const].flatMap(
    ([title, tokens]) =>
      tokens
        ? near(
            title,
            "its decoder row times the unembedding",
            tokens.map(({ token, logit }) =>
              make("span", {}, make("span", { class: "token" }, token), make("small", {}, ` ${short(logit)}`)),
            ),
          )
        : [],
  );
