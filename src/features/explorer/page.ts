import { escapeHtml, headOf } from "../../report/html.ts";
import { style } from "../../report/style.ts";
import { findLatents, sayFound } from "./find.ts";
import { explore } from "./script.ts";
import { explorerStyle } from "./style.ts";

/** What the explorer says above the list. */
export interface ExplorerAbout {
  readonly title: string;
  /** How many there are. */
  readonly latents: number;
  /** A sentence each. */
  readonly lines: readonly string[];
}

/** The explorer's page: opens from disk; `explorer/list.js`, `texts.js` and a file a latent lie beside it. */
export function explorerPage({ title, latents, lines }: ExplorerAbout): string {
  return `${headOf(title, style + explorerStyle)}
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="about">${lines.map(escapeHtml).join(" ")}</p>
</header>
<main>
<section id="side">
<form id="find" role="search">
<input id="words" type="search" placeholder="number, token or words" aria-label="Find latents by number, by token or label, or by words of their strongest texts" autocomplete="off" spellcheck="false">
<select id="sort" aria-label="Order of the latents">
<option value="index">by number</option>
<option value="frequency" selected>most frequent first</option>
<option value="rare">rarest first</option>
<option value="largest">strongest first</option>
</select>
</form>
<p id="count" class="caption" role="status">Reading the list …</p>
<div id="list" role="listbox" tabindex="0" aria-label="Latents"><div id="rows"></div></div>
<p class="caption keys">↑ ↓ choose, Enter opens, Escape goes back.</p>
</section>
<article id="latent" aria-live="polite"></article>
</main>
<script>(${explore})(${latents}, ${findLatents}, ${sayFound});</script>
<script defer src="explorer/list.js" onerror="document.getElementById('count').textContent = 'explorer/list.js cannot be read: the folder explorer belongs beside this page.'"></script>
</body>
</html>
`;
}
