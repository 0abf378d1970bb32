/** The page's style sheet: light and dark by the system's choice, one column, readable from 400 pixels up. */
export const style = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --rule: #d8dee4; --raised: #f6f8fa; --accent: #0969da; --warn: #fff8c5; --frontier: #cf222e; --shade: rgb(0 0 0 / 22%); }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --rule: #30363d; --raised: #161b22; --accent: #58a6ff; --warn: #3a2f0b; --frontier: #ff7b72; --shade: rgb(255 255 255 / 24%); } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 64px; max-width: 960px; background: var(--paper); color: var(--ink); font: 16px/1.5 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
h1 { font-size: 28px; line-height: 1.2; margin: 8px 0 12px; }
h2 { font-size: 21px; margin: 44px 0 12px; padding-top: 12px; border-top: 1px solid var(--rule); }
h3 { font-size: 17px; margin: 30px 0 8px; }
p, li { overflow-wrap: anywhere; }
a { color: var(--accent); }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 14px; }
.notice { background: var(--warn); border-left: 4px solid #d4a72c; padding: 8px 12px; }
.scroll { overflow-x: auto; margin: 12px 0 20px; background: linear-gradient(to right, var(--paper) 30px, transparent) left / 60px 100% no-repeat local, linear-gradient(to left, var(--paper) 30px, transparent) right / 60px 100% no-repeat local, linear-gradient(to right, var(--shade), transparent) left / 14px 100% no-repeat, linear-gradient(to left, var(--shade), transparent) right / 14px 100% no-repeat; }
.tall { max-height: 75vh; overflow-y: auto; border-bottom: 1px solid var(--rule); }
.tall thead th { position: sticky; top: 0; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
.caption { color: var(--faint); font-size: 14px; margin: 16px 0 -4px; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--rule); background: var(--raised); vertical-align: bottom; font-weight: 600; }
tbody tr:hover { background: var(--raised); }
table:not(.prose) td { white-space: nowrap; }
.number { text-align: right; }
thead .number { white-space: normal; }
code, pre { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; }
pre { background: var(--raised); padding: 12px; overflow-x: auto; }
table:not(.prose) td code { white-space: nowrap; }
figure { margin: 12px 0 24px; }
figure .drawing { overflow-x: auto; }
figure svg { display: block; }
figcaption { color: var(--faint); font-size: 14px; }
.narrow { display: none; }
@media (max-width: 700px) { body { padding: 16px 12px 48px; } .narrow { display: block; } .narrow ~ .wide { display: none; } h1 { font-size: 24px; }
  .prose thead { display: none; } .prose, .prose tbody, .prose tr, .prose td { display: block; width: 100%; } .prose tr { padding: 8px 0; border-bottom: 2px solid var(--rule); } .prose td { border: 0; padding: 2px 0; overflow-wrap: anywhere; }
  .prose td::before { content: attr(data-label) ": "; color: var(--faint); } }
figure svg > rect:first-child { fill: transparent; }
figure svg :is(.role-axis-label, .role-axis-title, .role-legend-label, .role-legend-title, .role-title-text, .role-column-title, .role-row-title, .role-column-header, .ink_marks, .child_ink_marks, .gap_label_marks, .child_gap_label_marks) text { fill: var(--ink); }
figure svg .role-title-subtitle text { fill: var(--faint); }
figure svg .role-axis-grid line { stroke: var(--rule); }
figure svg :is(.frontier_marks, .child_frontier_marks) path { stroke: var(--frontier); }
figure svg [class*="mark-text"] { pointer-events: none; }
figure svg [data-tip]:hover { filter: brightness(1.12); }
#tip { position: fixed; z-index: 9; max-width: min(340px, 90vw); padding: 6px 10px; border: 1px solid var(--rule); border-radius: 6px; background: var(--raised); color: var(--ink); font-size: 13px; line-height: 1.4; pointer-events: none; box-shadow: 0 2px 10px rgb(0 0 0 / 25%); }
@media print { nav, #tip { display: none; } }
`;

/** Shows what a mark's `aria-label` says beside the pointer or finger; the drawings need no other script. */
export const tooltipScript = `
const tip = document.getElementById("tip");
const show = (event) => {
  const mark = event.target.closest?.('figure [role="graphics-symbol"][aria-label]');
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.getAttribute("aria-label");
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8)) + "px";
  tip.style.top = (event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18) + "px";
};
addEventListener("pointermove", show);
addEventListener("pointerdown", show);
addEventListener("scroll", () => { tip.hidden = true; }, true);
`;
