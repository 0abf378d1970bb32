/**
 * Advance widths of the characters from space to tilde in thousandths of an em, as Helvetica, Arial and Liberation Sans share
 * them: figures are laid out without a canvas, in Node as in a browser.
 */
const widths = [
  278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
  556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
  722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
  556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
  260, 334, 584,
];

/** Other fonts of the stack run a little wider; bold letters are 7% wider. */
const margin = 1.03;
const boldness = 1.07;
const otherCharacter = 600;

/** How much wider than is reckoned the widest font of the stack is in bold: DejaVu Sans, where Helvetica and Arial are missing. */
export const widest = 1.2;

/** Pixels a line of text takes in a figure's font; a little more rather than less. */
export function textWidth(text: string, fontSize = 11, bold = false): number {
  let sum = 0;
  for (const character of text) sum += widths[character.codePointAt(0)! - 32] ?? otherCharacter;
  return ((sum * fontSize) / 1000) * margin * (bold ? boldness : 1);
}

/** Text broken between words into lines no wider than some pixels; a longer word stands alone. */
export function wrapped(text: string, width: number, fontSize = 11, bold = false): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, fontSize, bold) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
