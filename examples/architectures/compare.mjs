/**
 * Every architecture at one L0: explained variance, dead latents, shrinkage, and how L0 follows the coefficient. Three seeds each.
 *
 *   npm run build && node examples/architectures/compare.mjs [embedded|stand-in|FILE] [latents] [L0]
 */
import { writeFileSync } from "node:fs";
import { dataset, mean, spread, table, trained } from "./trained.mjs";

const [name = "embedded", latents = "1024", wanted = "20"] = process.argv.slice(2);
const data = dataset(name);
const target = Number(wanted);
const seeds = [0, 1, 2];

/** Those that keep a number of latents are given it. The others have a flag that L0 follows, and begin the search here. */
const kept = ["topk", "topk-relu", "batchtopk", "matryoshka", "groupmax", "matching-pursuit"];
const penalised = {
  "relu-l1": ["lambda", 0.1],
  "p-anneal": ["lambda", 0.1],
  gated: ["lambda", 0.1],
  jumprelu: ["target-l0", target],
};
/** The coefficient is changed by this factor to see what follows. */
const nudge = Math.SQRT2;

const folder = (architecture) => `${name.replace(/\W/g, "-")}/${latents}/${architecture}`;
const train = (architecture, preset, rest) =>
  trained(data, folder(`${architecture}-${preset}`), {
    architecture,
    preset,
    "latent-dim": latents,
    epochs: 25,
    ...rest,
  });

/** One SAE with this coefficient, seed 0. */
function one(architecture, preset, coefficient) {
  const value = coefficient.toPrecision(4);
  return train(architecture, preset, { [penalised[architecture][0]]: value, seed: 0, name: `search-${value}` })[0];
}

/** The coefficient at which L0 is the wanted one, to 2 %: ln L0 is taken as a straight line in its logarithm between the last two tries. */
function found(architecture, preset, first) {
  const tries = [];
  let next = first;
  for (let i = 0; i < 10; i++) {
    const { l0_mean } = one(architecture, preset, next);
    tries.push([Math.log(next), Math.log(Math.max(l0_mean, 0.1) / target)]);
    const [x, y] = tries.at(-1);
    if (Math.abs(y) < 0.02) return next;
    const usual = penalised[architecture][0] === "lambda" ? -1 : 1;
    const [x0, y0] = tries.at(-2) ?? [x - 1, y - usual];
    const slope = usual * Math.max(0.2, (usual * (y - y0)) / (x - x0));
    const step = -y / slope;
    next = Math.exp(x + Math.max(-1.5, Math.min(1.5, step)));
  }
  return Math.exp(tries.toSorted(([, a], [, b]) => Math.abs(a) - Math.abs(b))[0][0]);
}

/** d ln L0 / d ln coefficient, around it. */
function sensitivity(architecture, preset, coefficient) {
  const [less, more] = [coefficient / nudge, coefficient * nudge].map((c) => one(architecture, preset, c).l0_mean);
  return Math.log(more / less) / Math.log(nudge * nudge);
}

/** groupmax needs groups of one size. */
const divisor = (k) => {
  while (Number(latents) % k !== 0) k--;
  return k;
};

const results = [];
for (const [architecture, preset] of [
  ["topk", "report"],
  ...kept.map((one) => [one, "recommended"]),
  ...Object.keys(penalised).map((one) => [one, "recommended"]),
]) {
  const coefficient = kept.includes(architecture) ? undefined : found(architecture, preset, penalised[architecture][1]);
  const k = architecture === "groupmax" ? divisor(target) : target;
  const rows = train(architecture, preset, {
    ...(coefficient === undefined ? { k } : { [penalised[architecture][0]]: coefficient.toPrecision(4) }),
    seeds: seeds.join(),
    name: "seeds",
  });
  const of = (key) => rows.map((row) => row[key]);
  results.push({
    ...{ architecture, preset, coefficient: coefficient ?? k },
    explained_variance_centered: mean(of("explained_variance_centered")),
    spread: spread(of("explained_variance_centered")),
    l0_mean: mean(of("l0_mean")),
    feature_death_rate: mean(of("feature_death_rate")),
    relative_reconstruction_bias: mean(of("relative_reconstruction_bias")),
    sensitivity: coefficient === undefined ? 1 : sensitivity(architecture, preset, coefficient),
    train_time_sec: mean(of("train_time_sec")),
  });
  console.error(JSON.stringify(results.at(-1)));
}

const shown = (number, digits) => number.toFixed(digits).replace(/^(-?)0\./, "$1.");
console.log(
  table(
    [
      "architecture",
      "preset",
      "k, lambda or target L0",
      "L0",
      "centred EV",
      "dead",
      "size",
      "d ln L0 / d ln coefficient",
    ],
    results
      .toSorted((a, b) => b.explained_variance_centered - a.explained_variance_centered)
      .map((row) => [
        `\`${row.architecture}\``,
        `\`${row.preset}\``,
        Number(row.coefficient.toPrecision(3)),
        row.l0_mean.toFixed(1),
        `${shown(row.explained_variance_centered, 3)} ± ${shown(row.spread, 3)}`,
        shown(row.feature_death_rate, 3),
        shown(row.relative_reconstruction_bias, 3),
        shown(row.sensitivity, 2),
      ]),
  ),
);
writeFileSync(
  `models/architectures/${name.replace(/\W/g, "-")}-${latents}.json`,
  `${JSON.stringify(results, null, 1)}\n`,
);
