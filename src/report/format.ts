import { infoOf } from "./keys.ts";

/** What stands where there is no value. */
export const noValue = "–";

/**
 * A number as text by a d3-format specifier of the forms `.3f`, `.1%`, `.3g`, `.2e`, `d`, each with an optional leading
 * `,` for thousands and `+` for a sign; the minus is U+2212, as in vega. `d` shows a fraction with two decimals, because
 * a mean of counts is no count. Missing and NaN give a dash.
 */
export function formatNumber(specifier: string, value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return noValue;
  const [, plus, comma, digits, kind] = /^(\+?)(,?)(?:\.(\d+))?([f%gde]?)$/.exec(specifier) ?? [];
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const magnitude = Math.abs(value);
  const places = Number(digits ?? 6);
  const body = {
    f: () => magnitude.toFixed(places),
    "%": () => `${(magnitude * 100).toFixed(places)}%`,
    e: () => magnitude.toExponential(places),
    d: () => (Number.isInteger(magnitude) ? String(magnitude) : magnitude.toFixed(2)),
    g: () => String(Number(magnitude.toPrecision(places || 1))),
  }[(kind || "g") as "f" | "%" | "e" | "d" | "g"]();
  const grouped = comma ? body.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ",")) : body;
  const isZero = !/[1-9]/.test(body);
  return `${value < 0 && !isZero ? "−" : plus && !isZero ? "+" : ""}${grouped}`;
}

/** The value of a metric or row key as its table prints it. */
export const formatValue = (key: string, value: number | null | undefined): string =>
  formatNumber(infoOf(key).format, value);

/** `a`, `a and b`, `a, b and c`; the rest counted past `most` (default 6). */
export function listed(items: readonly string[], most = 6): string {
  const shown = items.length > most ? [...items.slice(0, most - 1), `${items.length - most + 1} more`] : items;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
