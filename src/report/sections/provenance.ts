import { compareSettings } from "../../record/identity.ts";
import { correspondences } from "../correspondence.ts";
import { mostGridFiles, tooManyGridFiles } from "../derived.ts";
import { type Block, heading, list, notice, tableBlock, tableOf, text } from "../document.ts";
import { formatNumber, listed, noValue } from "../format.ts";
import { infoOf, knownMetrics } from "../keys.ts";
import { recordsTable, starSentence } from "../table.ts";
import type { ReportInputs } from "./inputs.ts";

/** What the report is about, what is synthetic, and what was wrong with the input. */
export function opening({ file, records, notes }: ReportInputs): Block[] {
  const { source, target, digest, train_rows, validation_rows, synthetic } = file.data;
  const dims = [...new Set(records.map(({ input_dim }) => input_dim))].filter((dim) => !Number.isNaN(dim));
  const parts = [
    `${records.length} SAE${records.length === 1 ? "" : "s"} on **${source}**${target === undefined ? "" : `, reconstructing **${target}**`}`,
    Number.isNaN(train_rows) ? "" : `${formatNumber(",d", train_rows)} training rows`,
    Number.isNaN(validation_rows) ? "" : `${formatNumber(",d", validation_rows)} validation rows`,
    dims.length === 1 ? `${dims[0]} dimensions` : "",
    digest ? `data digest \`${digest.slice(0, 12)}\`` : "",
  ];
  const generated =
    "**Synthetic data.** These activations were generated from a known dictionary; the numbers describe the tool, not a language model.";
  return [
    text(`${parts.filter(Boolean).join("; ")}.`),
    ...(synthetic ? [notice(generated)] : []),
    ...(notes.length > 0 ? [notice("**The input has gaps or faults.** Nothing was filled in:"), list(notes)] : []),
  ];
}

/** Every record and every metric, then the definitions, the configuration and the data. */
export function closing({ file, merged, records, configurations }: ReportInputs): Block[] {
  const measured = knownMetrics.filter((key) => records.some(({ metrics }) => key in metrics));
  const splitOf = (key: string) => {
    const splits = [...new Set(records.flatMap(({ splits }) => splits[key] ?? []))];
    return splits.length > 0 ? listed(splits) : `${infoOf(key).split} (by definition; the file does not say)`;
  };
  const { source, target, digest, train_rows, validation_rows, input_dim, synthetic } = file.data;
  return [
    heading("All rows"),
    tableBlock(starSentence(records), recordsTable(configurations)),
    heading("Definitions"),
    tableBlock(
      "",
      tableOf(
        ["Key", "Label", "Better", "Measured on", "Definition"],
        measured.map((key) => {
          const { label, better, definition } = infoOf(key);
          return [`\`${key}\``, label, better === "none" ? noValue : better, splitOf(key), definition];
        }),
      ),
    ),
    tableBlock("What other tools call these, and where they differ", correspondenceTable()),
    ...(tooManyGridFiles(configurations)
      ? [
          text(
            `No \`grid_metrics_latent{d}.json\` were written: there would be more than ${mostGridFiles}. metrics.csv has all SAEs.`,
          ),
        ]
      : []),
    heading("Configuration and data"),
    tableBlock(
      "Activations",
      tableOf(
        ["Field", "Value"],
        [
          ["Source", source],
          ...(target === undefined ? [] : [["Targets", target]]),
          ["SHA-256 of activations and split", digest ? `\`${digest}\`` : "not stated"],
          ["Training rows", formatNumber(",d", train_rows)],
          ["Validation rows", formatNumber(",d", validation_rows)],
          ["Dimensions", formatNumber(",d", input_dim)],
          ["Synthetic", synthetic ? "yes" : "no"],
          ...shared(records),
        ],
      ),
    ),
    ...(merged.length > 1 ? [tableBlock("Metrics files of this report", filesTable(merged))] : []),
    ...configurationTable(records),
    ...originTable(records),
    ...(Object.keys(file.config).length > 0
      ? [
          text("Configuration, as the metrics file has it:"),
          { kind: "code", text: JSON.stringify(file.config, null, 2) } as const,
        ]
      : []),
  ];
}

const filesTable = (merged: ReportInputs["merged"]) =>
  tableOf(
    ["File", ">SAEs", "Source", ">Training rows", ">Validation rows", "SHA-256 of activations and split"],
    merged.map(({ name, file: { data, rows } }) => [
      name,
      String(rows.length),
      data.source,
      formatNumber(",d", data.train_rows),
      formatNumber(",d", data.validation_rows),
      data.digest ? `\`${data.digest}\`` : "not stated",
    ]),
  );

/** Every key of the SAEs' own configurations, with all values it has; nothing where none is known. */
function configurationTable(records: ReportInputs["records"]): Block[] {
  const configs = records.map(({ config }) => config).filter((config) => Object.keys(config).length > 0);
  if (configs.length === 0) return [];
  const keys = [...new Set(configs.flatMap(Object.keys))].sort();
  const lines = keys.map((key) => {
    const values = [...new Set(configs.map((config) => config[key]))].toSorted(compareSettings);
    return [
      `\`${key}\``,
      listed(
        values.map((value) => (value === undefined ? "none" : String(value))),
        12,
      ),
    ];
  });
  const known =
    configs.length === records.length
      ? ""
      : `; ${records.length - configs.length} of ${records.length} do not state it`;
  return [tableBlock(`Training configuration of the SAEs${known}`, tableOf(["Key", "Values"], lines))];
}

/** Where each imported SAE comes from; nothing where none says. */
function originTable(records: ReportInputs["records"]): Block[] {
  const imported = records.filter(({ origin }) => origin !== null);
  if (imported.length === 0) return [];
  const keys = [...new Set(imported.flatMap(({ origin }) => Object.keys(origin!)))];
  const lines = imported.map(({ name, origin }) => [name, ...keys.map((key) => String(origin![key] ?? noValue))]);
  const label = (key: string) => key.replaceAll("_", " ").replace(/^\w/, (letter) => letter.toUpperCase());
  return [tableBlock("Where imported SAEs come from", tableOf(["SAE", ...keys.map(label)], lines))];
}

const correspondenceTable = () =>
  tableOf(
    ["Key here", "Experiment", "SAELens", "sparsify", "SAEBench", "Differences"],
    correspondences.map(({ key, experiment, saeLens, sparsify, saeBench, differences }) => [
      ...[key, experiment, saeLens, sparsify, saeBench].map((name) => (name ? `\`${name}\`` : noValue)),
      differences,
    ]),
  );

/** Fields that all records share, as lines of the table. */
function shared(records: ReportInputs["records"]): string[][] {
  return (["architecture", "preset", "provider", "layer", "position", "epochs", "seed"] as const).flatMap((field) => {
    const values = [...new Set(records.map((record) => String(record[field] ?? "")))].filter(
      (value) => value !== "" && value !== "NaN",
    );
    return values.length > 0
      ? [[infoOf(field).label.replace(/^\w/, (letter) => letter.toUpperCase()), listed(values, 12)]]
      : [];
  });
}
