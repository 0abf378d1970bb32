const units = ["B", "kB", "MB", "GB", "TB"];

/** Bytes in the unit that reads best, to three digits: `512 B`, `12.3 kB`, `1.5 GB`. */
export function bytesInWords(bytes: number): string {
  // Rounded first: what comes to 1000 of a unit is 1 of the next.
  let value = Number(Math.ceil(bytes).toPrecision(3));
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(3))} ${units[unit]}`;
}
