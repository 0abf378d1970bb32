/** How latents and shaded texts look, here and on the page in the browser. */
export const latentStyle = `
:root { --up: 9 105 218; --down: 207 34 46; }
@media (prefers-color-scheme: dark) { :root { --up: 88 166 255; --down: 255 123 114; } }
.tag { display: inline-block; margin: 0 6px 0 0; padding: 1px 8px; border: 1px solid var(--rule); border-radius: 10px; font-size: 13px; background: var(--raised); }
.example { display: grid; grid-template-columns: 76px minmax(0, 1fr); gap: 10px; padding: 6px 0; border-bottom: 1px solid var(--rule); }
.example .value { font-variant-numeric: tabular-nums; font-size: 14px; }
.example .value small { display: block; color: var(--faint); font-size: 12px; }
.example .held { color: var(--ink); font-weight: 600; }
.words { margin: 0; font-size: 15px; line-height: 1.65; white-space: pre-wrap; overflow-wrap: anywhere; }
.words span { border-radius: 3px; background: rgb(var(--tint, 0 0 0) / var(--part, 0)); }
.words .own { outline: 1px solid var(--accent); }
.words .cut { color: var(--faint); }
.links { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 14px; }
.links small { color: var(--faint); }
.token { white-space: pre; background: var(--raised); border-radius: 3px; padding: 0 2px; }
`;

/** The explorer's own rules, after those of the report's page: the list beside the latent, one of them in narrow windows. */
export const explorerStyle = `${latentStyle}
body { max-width: 1240px; padding-bottom: 24px; }
header h1 { margin-bottom: 4px; }
.about { margin: 0 0 16px; color: var(--faint); font-size: 14px; }
main { display: grid; grid-template-columns: 380px minmax(0, 1fr); gap: 28px; align-items: start; }
#side { position: sticky; top: 12px; }
#find { display: flex; gap: 8px; }
#find :is(input, select) { font: inherit; font-size: 14px; padding: 6px 8px; min-width: 0; color: var(--ink); background: var(--paper); border: 1px solid var(--rule); border-radius: 6px; }
#find input { flex: 1; }
#count { margin: 8px 0; }
#list { height: calc(100vh - 210px); min-height: 300px; overflow-y: auto; border: 1px solid var(--rule); border-radius: 6px; position: relative; overscroll-behavior: contain; }
#rows { position: relative; }
#rows a { position: absolute; left: 0; right: 0; height: 44px; padding: 4px 10px; overflow: hidden; white-space: nowrap; color: var(--ink); text-decoration: none; font-size: 14px; line-height: 18px; border-bottom: 1px solid var(--rule); }
#rows a small { display: block; overflow: hidden; text-overflow: ellipsis; color: var(--faint); font-size: 13px; white-space: pre; }
#rows a em { color: var(--faint); font-style: normal; font-size: 13px; }
#rows a span { float: right; color: var(--faint); font-variant-numeric: tabular-nums; }
#rows a:hover { background: var(--raised); }
#rows a[aria-selected="true"] { background: var(--raised); box-shadow: inset 3px 0 var(--accent); }
#rows a[aria-current="true"] b { color: var(--accent); }
#list:focus-visible, #find :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.keys { margin-top: 8px; }
#latent h2 { border: 0; margin: 0 0 4px; padding: 0; }
#latent h2:focus { outline: none; }
#latent h3 { margin: 26px 0 6px; }
#latent h3 small { font-weight: 400; color: var(--faint); font-size: 14px; }
.bars { display: flex; align-items: flex-end; gap: 1px; height: 72px; max-width: 520px; border-bottom: 1px solid var(--rule); }
.bars i { flex: 1; min-height: 0; background: var(--accent); }
.bars i.below { background: var(--frontier); }
.ends { display: flex; justify-content: space-between; max-width: 520px; color: var(--faint); font-size: 13px; }
.back { display: none; }
@media (max-width: 820px) {
  main { display: block; } #side { position: static; } #list { height: calc(100vh - 250px); }
  .opened #side { display: none; } .opened .back { display: block; margin: 0 0 8px; } .opened .about { display: none; }
  .keys { display: none; } .example { grid-template-columns: 60px minmax(0, 1fr); }
}
`;
