/** What is wrong with the page's texts where they stand, a sentence each. Runs in the browser, so it uses nothing from outside. */
export function pageFaults(): string[] {
  interface Line {
    readonly text: string;
    readonly element: Element;
    readonly box: DOMRect;
  }
  const faults: string[] = [];
  const cells = new Map<Element, { left: number; right: number; top: number; bottom: number; fill: number[] }[]>();
  const fault = (what: string, { text }: Line) => faults.push(`${what}: ${text.slice(0, 60)}`);
  const lines = [...textElements()].flatMap(linesOf).filter(isShown);

  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) faults.push(`the page is ${scrollWidth} pixels wide, the window ${innerWidth}`);
  for (const drawing of document.querySelectorAll(".drawing, .scroll:has(.prose)"))
    if (drawing.scrollWidth > drawing.clientWidth) faults.push(`${drawing.className} is wider than its place`);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of ids.filter((id, index) => ids.indexOf(id) !== index)) faults.push(`#${id} is there twice`);
  for (const line of lines) checkClipped(line);
  for (const line of lines) {
    const contrast = contrastOf(line);
    if (contrast < 4.5) fault(`contrast ${contrast.toFixed(1)}`, line);
  }
  checkCovered();
  return faults;

  function* textElements(): Generator<{ element: Element; node: Text }> {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement!;
      if (node.textContent!.trim() !== "" && !element.closest("script, style, title"))
        yield { element, node: node as Text };
    }
  }

  function linesOf({ element, node }: { element: Element; node: Text }): Line[] {
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = element.closest("svg") ? [element.getBoundingClientRect()] : [...range.getClientRects()];
    return boxes
      .filter(({ width, height }) => width > 0.5 && height > 0.5)
      .map((box) => ({ text: node.textContent!.trim(), element, box }));
  }

  /** Not what a frame with a scroll bar hides for the moment. */
  function isShown({ element, box }: Line): boolean {
    const frame = element.closest(".scroll")?.getBoundingClientRect();
    return (
      !frame || (box.top >= frame.top && box.bottom <= frame.bottom && box.right > frame.left && box.left < frame.right)
    );
  }

  /** Text must lie inside its drawing, its table cell and the window; only frames with a scroll bar may hold more. */
  function checkClipped(line: Line): void {
    const { element, box } = line;
    const frame = element.closest("svg, td, th") ?? document.documentElement;
    const inside =
      frame === document.documentElement ? new DOMRect(0, 0, innerWidth, 1e9) : frame.getBoundingClientRect();
    if (frame === document.documentElement && element.closest("pre")) return;
    const out = Math.max(
      inside.left - box.left,
      box.right - inside.right,
      inside.top - box.top,
      box.bottom - inside.bottom,
    );
    if (out > 1) fault(`${out.toFixed(1)} pixels outside its ${frame.tagName}`, line);
  }

  function checkCovered(): void {
    const sorted = lines.toSorted((a, b) => a.box.top - b.box.top);
    for (const [index, a] of sorted.entries())
      for (const b of sorted.slice(index + 1)) {
        if (b.box.top > a.box.bottom - 2) break;
        const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const down = Math.min(a.box.bottom, b.box.bottom) - b.box.top;
        if (across > 2 && down > 2) fault(`covers "${b.text.slice(0, 40)}"`, a);
      }
  }

  /** WCAG 2 contrast of a text and what is behind it: the cell of a heatmap, or the nearest ground that is not transparent. */
  function contrastOf({ element, box }: Line): number {
    const svg = element.closest("svg");
    const text = colour(svg ? getComputedStyle(element).fill : getComputedStyle(element).color);
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const cell =
      svg && cellsOf(svg).findLast(({ left, right, top, bottom }) => left < x && x < right && top < y && y < bottom);
    const ground = cell?.fill ?? groundOf(element);
    const [light, dark] = [luminance(text), luminance(ground)].sort((a, b) => b - a);
    return (light! + 0.05) / (dark! + 0.05);
  }

  /** The colour behind an element; shades that let the ground through are laid over it. */
  function groundOf(element: Element | null): number[] | null {
    if (!element) return null;
    const shade = getComputedStyle(element).backgroundColor;
    const [own, part] = [colour(shade), partOf(shade)];
    if (own && part === 1) return own;
    const below = groundOf(element.parentElement);
    return own ? own.map((byte, i) => part * byte + (1 - part) * (below?.[i] ?? 255)) : below;
  }

  function cellsOf(svg: SVGSVGElement) {
    const known = cells.get(svg);
    if (known) return known;
    const found = [...svg.querySelectorAll(".mark-rect path")].flatMap((mark) => {
      const { left, right, top, bottom } = mark.getBoundingClientRect();
      const fill = colour(getComputedStyle(mark).fill);
      return fill ? [{ left, right, top, bottom, fill }] : [];
    });
    cells.set(svg, found);
    return found;
  }

  function colour(css: string): number[] | null {
    const [r, g, b] = (css.match(/[\d.]+/g) ?? []).map(Number);
    return b === undefined || partOf(css) === 0 ? null : [r!, g!, b];
  }

  /** How much of a colour covers what is behind it, 0 to 1. */
  function partOf(css: string): number {
    return (css.match(/[\d.]+/g) ?? []).map(Number)[3] ?? 1;
  }

  function luminance(rgb: number[] | null): number {
    const [r, g, b] = (rgb ?? [255, 255, 255]).map((byte) => {
      const share = byte / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  }
}
