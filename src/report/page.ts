import type { Block } from "./document.ts";
import { escapeHtml, headOf, htmlOf, idOf, ownIds } from "./html.ts";
import { style, tooltipScript } from "./style.ts";

/** A figure as SVG text, drawn for a wide window and, where it differs, for a narrow one. */
export interface Drawing {
  readonly wide: string;
  readonly narrow: string;
}

/** What a page is made of; `drawings` by figure name. */
export interface PageInputs {
  readonly title: string;
  readonly blocks: readonly Block[];
  readonly drawings: ReadonlyMap<string, Drawing>;
}

/**
 * One HTML document that opens from disk without a network: figures inline, light and dark by the system's choice, tooltips on every
 * mark. A figure without a drawing leaves an empty frame.
 */
export function reportPage({ title, blocks, drawings }: PageInputs): string {
  const links = blocks.flatMap((block) =>
    block.kind === "heading" ? `<a href="#${idOf(block.text)}">${escapeHtml(block.text)}</a>` : [],
  );
  const body = htmlOf(blocks, (name) => drawingOf(name, drawings.get(name)));
  return `${headOf(title, style)}
<body>
<h1>${escapeHtml(title)}</h1>
<nav>${links.join("")}</nav>
${body}
<div id="tip" role="tooltip" hidden></div>
<script>${tooltipScript}</script>
</body>
</html>
`;
}

function drawingOf(name: string, drawing: Drawing | undefined): string {
  if (!drawing) return "";
  const narrow =
    drawing.narrow === drawing.wide
      ? ""
      : `<div class="drawing narrow">${ownIds(drawing.narrow, `${name}-narrow`)}</div>`;
  return `${narrow}<div class="drawing wide">${ownIds(drawing.wide, name)}</div>`;
}
