import { type Block, heading, tableBlock, tableOf, text } from "../document.ts";
import type { LatentTexts } from "../texts.ts";
import type { ReportInputs } from "./inputs.ts";

/** Latents named of each SAE, and SAEs, at most: an impression, no list. */
const most = { latents: 3, saes: 24 };

/** The texts in which each SAE's strongest latents fire; nothing where no labels lay beside the data. */
export function textsSection({ records }: ReportInputs, texts: Readonly<Record<string, LatentTexts>>): Block[] {
  const known = records.filter(({ name }) => texts[name]);
  const rows = known
    .slice(0, most.saes)
    .flatMap(({ name }) =>
      texts[name]!.latents.slice(0, most.latents).map(({ latent, frequency, strongest }) => [
        `\`${name}\``,
        String(latent),
        `${Number((100 * frequency).toPrecision(2))} %`,
        strongest.map((one) => plain(one.text)).join(" / "),
      ]),
    );
  if (rows.length === 0) return [];
  const columns = ["SAE", ">latent", ">fires in", "texts of its strongest rows"];
  const rest = known.length > most.saes ? ` The first ${most.saes} of ${known.length} SAEs.` : "";
  return [
    heading("What latents respond to"),
    text(
      `Of each SAE the ${most.latents} latents with the strongest activation, dense ones left out, with the texts they are strongest in. The strongest rows alone mislead: \`sae-onnx features\` shows rows of all strengths, tokens and labels, for every latent.${rest}`,
    ),
    tableBlock("", tableOf(columns, rows)),
  ];
}

/** Text of the data, without what the page would read as code or strong. */
const plain = (words: string): string => words.replace(/[`*\s]+/g, " ").trim();
