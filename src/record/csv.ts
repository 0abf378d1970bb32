import { ConfigError } from "../util/errors.ts";
import { parseSmall } from "../util/json.ts";
import { flatRecord, readRecord } from "./flat.ts";
import type { MetricsFile, SaeRecord, Setting } from "./record.ts";

const textColumns = new Set(["name", "architecture", "preset", "provider"]);

/** Columns that say what an SAE is; a configuration whose keys are among them need not repeat them. */
const shared: readonly string[] = [
  ...["architecture", "preset", "seed", "epochs"],
  ...["input_dim", "output_dim", "latent_dim", "k"],
];

/**
 * The metrics of a comma-separated table with a header (RFC 4180 quoting); an empty cell is a value that was not measured.
 * `config.KEY` is a key of the training configuration and `origin.KEY` one of the origin, as `metricsCsv` writes them.
 * @throws {ConfigError} when a line has another number of cells than the header, or a cell is no number; names the line.
 */
export function parseCsv(text: string, file: string): MetricsFile {
  const [header, ...lines] = splitLines(text);
  if (!header?.includes("latent_dim"))
    throw new ConfigError(`${file}: the first line must name the columns, latent_dim among them; add a header line`);
  const rows = lines.map((cells, index) => {
    const where = `${file}: line ${index + 2}`;
    if (cells.length !== header.length)
      throw new ConfigError(`${where}: ${cells.length} cells, the header has ${header.length}; add or remove commas`);
    const filled = header.map((key, at) => [key, cells[at]!] as const).filter(([, cell]) => cell !== "");
    const flat = Object.fromEntries(filled.map(([key, cell]) => [key, cellValue(key, cell, where)]));
    return readRecord(gathered(flat), where);
  });
  const unknown = Number.NaN;
  const data = {
    source: file,
    digest: "",
    train_rows: unknown,
    validation_rows: unknown,
    input_dim: unknown,
    synthetic: false,
  };
  return { version: 1, config: {}, data, rows };
}

/**
 * All records as a comma-separated table: a header, then one line each; full precision, empty where there is no value. A key of the
 * configuration that is no other column is a column `config.KEY`, one of the origin a column `origin.KEY`.
 */
export function metricsCsv(records: readonly SaeRecord[]): string {
  const flat = records.map((record) => {
    const { splits: _, loss: __, null_reasons: ___, resampled: ____, config, origin, ...values } = flatRecord(record);
    return {
      ...values,
      ...nested("config", record.config, (key) => record.config[key] !== values[key]),
      ...nested("origin", record.origin ?? {}, () => true),
    } as Readonly<Record<string, unknown>>;
  });
  const columns = [...new Set(flat.flatMap((one) => Object.keys(one)))];
  const lines = [columns, ...flat.map((one) => columns.map((key) => cellOf(one[key])))];
  return lines.map((cells) => `${cells.join(",")}\n`).join("");
}

/** Some keys of an object as columns. */
const nested = (of: string, values: Readonly<Record<string, Setting>>, wanted: (key: string) => boolean) =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([key]) => wanted(key))
      .map(([key, value]) => [`${of}.${key}`, settingText(value)]),
  );

/** A flat record with its columns `config.KEY` and `origin.KEY` as objects; a configuration has what other columns say of it too. */
function gathered(flat: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const under = (of: string) =>
    Object.entries(flat).flatMap(([key, value]) =>
      key.startsWith(`${of}.`) ? [[key.slice(of.length + 1), value]] : [],
    );
  const [config, origin] = [under("config"), under("origin")];
  const rest = Object.entries(flat).filter(([key]) => !/^(config|origin)\./.test(key));
  const stated = rest.filter(([key]) => shared.includes(key));
  return {
    ...Object.fromEntries(rest),
    ...(config.length > 0 ? { config: Object.fromEntries([...stated, ...config]) } : {}),
    ...(origin.length > 0 ? { origin: Object.fromEntries(origin) } : {}),
  };
}

function cellValue(key: string, cell: string, where: string): unknown {
  if (textColumns.has(key)) return cell;
  if (/^(config|origin)\./.test(key)) return settingIn(cell);
  const value = Number(cell);
  if (Number.isNaN(value) && !/^-?nan$/i.test(cell))
    throw new ConfigError(
      `${where}: ${key} is ${JSON.stringify(cell)}, not a number; correct it or leave the cell empty`,
    );
  return value;
}

/** A word, a number or a truth value; a word that would read as one of the others stands in quotes. */
function settingIn(cell: string): Setting {
  if (cell === "true" || cell === "false") return cell === "true";
  if (Number.isFinite(Number(cell))) return Number(cell);
  try {
    const word: unknown = parseSmall(cell);
    return typeof word === "string" ? word : cell;
  } catch {
    return cell;
  }
}

const settingText = (value: Setting): string => {
  const text = String(value);
  return typeof value === "string" && (text === "" || settingIn(text) !== value) ? JSON.stringify(value) : text;
};

function cellOf(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function splitLines(text: string): string[][] {
  const lines: string[][] = [];
  let cells: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    cells.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === ",") continue;
    if (cells.length > 1 || cells[0] !== "") lines.push(cells);
    cells = [];
  }
  return lines;
}
