/** CRC-32 of some bytes, as ZIP stores it. Source: ISO 3309, polynomial 0xEDB88320 (reflected). */
export const crc32 = (bytes: Uint8Array): number => checksum(bytes, tables(0xedb88320));

/** CRC-32C of some bytes, as TFRecord stores it. Source: Castagnoli 1993, polynomial 0x82F63B78 (reflected). */
export const crc32c = (bytes: Uint8Array): number => checksum(bytes, tables(0x82f63b78));

function checksum(bytes: Uint8Array, [one, two, three, four]: Tables): number {
  let crc = 0xffffffff;
  let at = 0;
  // Four bytes a turn. Each has its own table, for the number of bytes that follow it.
  for (; at + 4 <= bytes.length; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc = four[crc & 255]! ^ three[(crc >>> 8) & 255]! ^ two[(crc >>> 16) & 255]! ^ one[crc >>> 24]!;
  }
  for (; at < bytes.length; at++) crc = one[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

type Tables = readonly [Int32Array, Int32Array, Int32Array, Int32Array];

const made = new Map<number, Tables>();

function tables(polynomial: number): Tables {
  const known = made.get(polynomial);
  if (known) return known;
  const one = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    one[byte] = crc;
  }
  const next = (table: Int32Array) => table.map((crc) => (crc >>> 8) ^ one[crc & 255]!);
  const two = next(one);
  const three = next(two);
  const all: Tables = [one, two, three, next(three)];
  made.set(polynomial, all);
  return all;
}
