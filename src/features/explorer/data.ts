import type { Example } from "../examples.ts";
import { type FeatureJson, featureJson } from "../featureJson.ts";
import type { Feature } from "../features.ts";

/** What the explorer's list shows of all latents, one entry each. */
export interface ExplorerList {
  readonly frequency: number[];
  readonly largest: number[];
  /** 1: dense, 2: has duplicates; added up. */
  readonly marks: number[];
  /** The values it is most specific to, or its strongest text. */
  readonly words: string[];
}

/** Bytes of one latent's file, at most. */
export const mostBytes = 50_000;

/** Characters of a latent's words in the list, and of what its search sees besides. */
const longestWords = 60;
const longestTexts = 500;

/** The list, to be filled latent after latent. */
export const emptyList = (): ExplorerList => ({ frequency: [], largest: [], marks: [], words: [] });

export function addToList(list: ExplorerList, feature: Feature): void {
  const { firing, dense, duplicates } = feature;
  list.frequency.push(short(firing.frequency));
  list.largest.push(short(Math.max(firing.positive.largest ?? 0, firing.negative.largest ?? 0)));
  list.marks.push((dense ? 1 : 0) + (duplicates.length > 0 ? 2 : 0));
  list.words.push(wordsOf(feature).slice(0, longestWords));
}

/** The three values that say most of a latent where they are no chance, else its strongest row's text. */
function wordsOf(feature: Feature): string {
  const values = surestValues(feature).slice(0, 3);
  if (values.length > 0) return values.join(" · ");
  const [first] = feature.top;
  return first ? shortText(first, 0) : "";
}

/** Values that are no chance, those that say most first. */
const surestValues = ({ attributes }: Feature): string[] =>
  attributes
    .flatMap(({ name, values }) => values.map((one) => ({ ...one, name })))
    .filter(({ lift, falseDiscoveryRate }) => lift > 1 && (falseDiscoveryRate ?? 1) < 0.05)
    .sort((a, b) => b.mutualInformation - a.mutualInformation)
    .map(({ name, value }) => (name === "token" ? value : `${name}=${value}`));

/** The row's own token, eight before it and some behind it; without tokens its text. */
const shortText = ({ text, tokens = [], at = 0 }: Example, behind: number): string =>
  text ?? tokens.slice(Math.max(0, at - 8), at + 1 + behind).join("");

/** What the search sees of a latent besides its words in the list: ten surest values, then short texts of its strongest rows. */
export function textsOf(feature: Feature): string {
  const texts = feature.top.map((one) => shortText(one, 4).slice(0, 100).replace(/\s+/g, " "));
  return [...new Set([...surestValues(feature).slice(0, 10), ...texts])].join(" · ").slice(0, longestTexts);
}

/** The list as a script that the page loads: a page that was opened from disk may load scripts, but no data. */
export const listScript = (list: ExplorerList): string => `saeOnnxList(${scriptJson(list)})\n`;

/** What the search sees, a text a latent: read when somebody searches. */
export const textsScript = (texts: readonly string[]): string => `saeOnnxTexts(${scriptJson(texts)})\n`;

/** A latent as such a script, below `mostBytes`: of long texts less is shown, then fewer rows. */
export function latentScript(feature: Feature, tokenOf: (id: number) => string): string {
  for (let less = 0; ; less++) {
    const script = `saeOnnxLatent(${scriptJson(rounded(featureJson(shortened(feature, less), tokenOf)))})\n`;
    if (less === steps || new TextEncoder().encode(script).length < mostBytes) return script;
  }
}

/** How often a latent can be made smaller. */
const steps = 6;

function shortened(feature: Feature, less: number): Feature {
  if (less === 0) return feature;
  const share = 2 ** -less;
  const shorter = (all: readonly Example[]) =>
    all.slice(0, less > 3 ? Math.ceil(all.length * 2 ** (3 - less)) : undefined).map((one) => shorterText(one, share));
  const { top, bands } = feature;
  return { ...feature, top: shorter(top), bands: bands.map((band) => ({ ...band, examples: shorter(band.examples) })) };
}

function shorterText(example: Example, share: number): Example {
  const { text, tokens, activations, at = 0, cut } = example;
  if (text !== undefined) return { ...example, text: text.slice(0, Math.ceil(share * 600)) };
  if (!tokens || !activations) return example;
  const from = Math.max(0, at - Math.ceil(24 * share));
  const to = Math.min(tokens.length, at + Math.ceil(12 * share) + 1);
  return {
    ...{ ...example, tokens: tokens.slice(from, to), activations: activations.slice(from, to), at: at - from },
    cut: [cut![0] || from > 0, cut![1] || to < tokens.length],
  };
}

/** JSON that is a JavaScript expression on one line, in any encoding of the page. */
const scriptJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16)}`);

/** Every number with five digits: what a page shows. */
const rounded = (feature: FeatureJson): unknown =>
  JSON.parse(JSON.stringify(feature), (_, value) => (typeof value === "number" ? short(value) : value));

const short = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(5)));
