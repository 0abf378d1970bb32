/**
 * Text that may come from a file, for a terminal: on one line, and nothing in it moves the cursor, colours, or turns the order of
 * reading. In JSON it is the same text as before.
 */
export const visible = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** The same of text in lines of our own. */
export const visibleLines = (text: string): string => text.split("\n").map(visible).join("\n");
