import { escapeHtml, headOf } from "../../report/html.ts";
import { style } from "../../report/style.ts";
import { explore } from "./script.ts";
import { explorerStyle } from "./style.ts";

/** What the explorer says above the list. */
export interface ExplorerAbout {
  readonly title: string;
  /** A sentence each. */
  readonly lines: readonly string[];
}

/** The explorer's page: opens from disk; `explorer/list.js` and a file a latent lie beside it. */
export function explorerPage({ title, lines }: ExplorerAbout): string {
  return `${headOf(title, style + explorerStyle)}
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="about">${lines.map(escapeHtml).join(" ")}</p>
</header>
<main>
<section id="side">
<form id="find" role="search">
<input id="words" type="search" placeholder="words, or a number" aria-label="Find latents by words or number" autocomplete="off" spellcheck="false">
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
<script>(${explore.toString()})();</script>
<script defer src="explorer/list.js"></script>
</body>
</html>
`;
}
