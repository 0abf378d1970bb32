/** CRC-32 of some bytes, as ZIP stores it. Source: ISO 3309, polynomial 0xEDB88320 (reflected). */
export function crc32(bytes: Uint8Array): number {
  const [one, two, three, four] = tables();
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

let made: Tables | undefined;

function tables(): Tables {
  if (made) return made;
  const one = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    one[byte] = crc;
  }
  const next = (table: Int32Array) => table.map((crc) => (crc >>> 8) ^ one[crc & 255]!);
  const two = next(one);
  const three = next(two);
  made = [one, two, three, next(three)];
  return made;
}
