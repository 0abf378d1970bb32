/** A runtime's words, without paths and names of ours. */
const shortened = (words) =>
  words
    .replaceAll(/\s+/g, " ")
    .replace(/^.*error: (\(-?\d+:[^)]*\) )?/, "")
    .replace(/ "onnx_node![^"]*"/, "")
    .replace(/ in function .*$/, "")
    .replaceAll("|", "/")
    .slice(0, 60);

const unique = (values) => [...new Set(values)];
const count = (n) => n.toLocaleString("en-US");
const allTargets = ["ort", "portable", "compat"];
const allParts = ["encoder", "autoencoder", "decoder", "evaluator"];

/** Values in the order of a list; "all" where that is every one of them. */
const listed = (values, all) => {
  const found = unique(values);
  return found.length === all.length ? "all" : all.filter((one) => found.includes(one)).join(", ");
};
const dtypesOf = (of) =>
  listed(
    of.map(({ dtype }) => dtype),
    ["float32", "float16", "int8"],
  );
const partsOf = (of) =>
  listed(
    of.map(({ part }) => part),
    allParts,
  );

/** Results by a key, in the order they came. */
function groupedBy(results, keyOf) {
  const groups = new Map();
  for (const one of results) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return [...groups.values()];
}

/** What could not be run, by reason: "float16: "Unsupported..."", or the parts, and the SAEs where it is not all of these. */
const refusedText = (refused) =>
  groupedBy(refused, ({ refused: words }) => shortened(words))
    .map((of) => {
      const dtypes = dtypesOf(of);
      const what = dtypes.includes("float32") || dtypes === "all" ? partsOf(of) : dtypes;
      return `${what}: "${shortened(of[0].refused)}"`;
    })
    .join("; ");

/** The numbers of what ran. Counts of latents are compared too, but in whole numbers: they are no share of anything. */
function ranText(ran) {
  if (ran.length === 0) return ["none", "", "", ""];
  const what = `${partsOf(ran)}${dtypesOf(ran) === "all" ? "" : `, ${dtypesOf(ran)}`}: ${ran.length}`;
  if (ran[0].checked) return [what, "", "", "valid"];
  const clear = ran.filter(({ part }) => part !== "decoder").map(({ clearRows }) => clearRows);
  const least = (values) => count(Math.min(...values));
  return [
    what,
    `${least(ran.map(({ rows }) => rows))}${clear.length > 0 ? ` (${least(clear)})` : ""}`,
    count(ran.reduce((sum, { selection }) => sum + selection, 0)),
    Math.max(...ran.map(({ worst }) => worst)).toExponential(1),
  ];
}

/** One line for each runtime and target; one for all targets where everything ran. */
function linesOf(of) {
  const everything = of.every(({ refused }) => refused === undefined);
  const groups = everything ? [of] : allTargets.map((target) => of.filter((one) => one.target === target));
  return groups
    .filter((group) => group.length > 0)
    .map((group) => {
      const ran = group.filter(({ refused }) => refused === undefined);
      const refused = group.filter((one) => one.refused !== undefined);
      const targets = listed(
        group.map(({ target }) => target),
        allTargets,
      );
      const bad = ran.some(({ ok }) => !ok) ? " DIFFERS" : "";
      const [what, rows, selection, worst] = ranText(ran);
      return `| ${[group[0].runtime, targets, what, rows, selection, `${worst}${bad}`, refusedText(refused)].join(" | ")} |`;
    });
}

/** The table of every runtime, target and result, then what is not in it and why. */
export function markdown({ results, missing, refusals }) {
  const reasons = groupedBy(refusals, ({ sae, reason }) => `${sae}: ${reason}`).map(
    ([{ sae, reason }]) => `${sae}: ${reason}`,
  );
  return [
    "| runtime | target | runs (parts, weights: models) | rows of each (must agree) | selected otherwise | largest difference | does not load |",
    "|---|---|---|--:|--:|--:|---|",
    ...groupedBy(results, ({ runtime }) => runtime).flatMap(linesOf),
    "",
    ...missing.map(({ key, reason }) => `Not here: ${key} (${reason}).`),
    ...reasons.map((reason) => `Not exported: ${reason}.`),
  ].join("\n");
}
