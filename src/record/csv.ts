import { ConfigError } from "../util/errors.ts";
import { flatRow, readRow } from "./flat.ts";
import type { MetricRow, MetricsFile } from "./row.ts";

const textColumns = new Set(["name", "architecture", "preset", "provider"]);

/**
 * The metrics of a comma-separated table with a header (RFC 4180 quoting); an empty cell is a value that was not measured.
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
    return readRow(Object.fromEntries(filled.map(([key, cell]) => [key, cellValue(key, cell, where)])), where);
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

/** All rows as a comma-separated table: a header, then one line a row; full precision, empty where there is no value. */
export function metricsCsv(rows: readonly MetricRow[]): string {
  const flat = rows.map(({ ...row }) => {
    const { splits: _, loss: __, ...values } = flatRow(row);
    return values;
  });
  const columns = [...new Set(flat.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...flat.map((row) => columns.map((key) => cellOf(row[key])))];
  return lines.map((cells) => `${cells.join(",")}\n`).join("");
}

function cellValue(key: string, cell: string, where: string): unknown {
  if (textColumns.has(key)) return cell;
  const value = Number(cell);
  if (Number.isNaN(value) && !/^-?nan$/i.test(cell))
    throw new ConfigError(
      `${where}: ${key} is ${JSON.stringify(cell)}, not a number; correct it or leave the cell empty`,
    );
  return value;
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function splitLines(text: string): string[][] {
  const lines: string[][] = [];
  let cells: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    cells.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === ",") continue;
    if (cells.length > 1 || cells[0] !== "") lines.push(cells);
    cells = [];
  }
  return lines;
}
