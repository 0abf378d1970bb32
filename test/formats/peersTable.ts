import type { Agreement } from "./peers.ts";

/** How one SAE agrees with a library: as that wrote it, or as it reads it. */
export interface Line {
  readonly way: "in" | "out";
  readonly library: string;
  readonly name: string;
  readonly found: Agreement;
}

const bound = (value: number): string => (value <= 1e-6 ? "1e-6" : value <= 1e-5 ? "1e-5" : value.toExponential(1));

/** The table of docs/formats.md: per library, how many SAEs were tried, and the worst of them. */
export function peersTable(lines: readonly Line[]): string {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const key = `${line.library} | ${line.way === "in" ? "their files, read here" : "our files, read there"}`;
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  const worst = (of: readonly Line[], key: "latents" | "reconstruction") =>
    bound(Math.max(...of.map(({ found }) => found[key])));
  const sum = (of: readonly Line[], key: "rows" | "ties" | "otherwise") =>
    of.reduce((all, { found }) => all + found[key], 0);
  const rows = [...groups].map(
    ([key, of]) =>
      `| ${key} | ${of.length} | ${sum(of, "rows").toLocaleString("en")} | ${sum(of, "ties").toLocaleString("en")} | ${sum(of, "otherwise")} | ${worst(of, "latents")} | ${worst(of, "reconstruction")} |`,
  );
  return [
    "| library | | SAEs | rows | with ties | kept otherwise | latents within | reconstructions within |",
    "|---|---|--:|--:|--:|--:|--:|--:|",
    ...rows,
    "",
  ].join("\n");
}
