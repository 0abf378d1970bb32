/**
 * How the unexplained variance falls with the number of latents (to 8,192) and with k (to 500), and power laws fitted to it.
 *
 *   npm run build && node examples/architectures/scaling.mjs [embedded|stand-in|FILE] [architecture] [preset]
 */
import { writeFileSync } from "node:fs";
import { dataset, mean, table, trained } from "./trained.mjs";

const [name = "embedded", architecture = "topk", preset = "recommended"] = process.argv.slice(2);
const data = dataset(name);
const directions = {
  "latent-dim": { values: [256, 512, 1024, 2048, 4096, 8192], fixed: { k: 20 } },
  k: { values: [5, 10, 20, 50, 100, 200, 500], fixed: { "latent-dim": 2048 } },
};

/** Least squares of ln y on ln x: y = scale x^exponent, and how much of the variance of ln y that explains. */
function powerLaw(points) {
  const [xs, ys] = [points.map(([x]) => Math.log(x)), points.map(([, y]) => Math.log(y))];
  const [x0, y0] = [mean(xs), mean(ys)];
  const over = (f) => xs.reduce((sum, x, i) => sum + f(x - x0, ys[i] - y0), 0);
  const exponent = over((x, y) => x * y) / over((x) => x * x);
  return {
    exponent,
    scale: Math.exp(y0 - exponent * x0),
    r2: exponent ** 2 * (over((x) => x * x) / over((_, y) => y * y)),
  };
}

const found = {};
for (const [axis, { values, fixed }] of Object.entries(directions)) {
  const rows = trained(data, `${name.replace(/\W/g, "-")}/scaling/${architecture}-${preset}`, {
    ...{ architecture, preset, epochs: 25, ...fixed },
    ...{ [axis]: values.join(), name: axis },
  });
  const key = axis.replaceAll("-", "_");
  const points = rows.map((row) => [row[key], 1 - row.explained_variance_centered, row.feature_death_rate]);
  const law = powerLaw(points);
  found[key] = { points, ...law };
  console.log(
    `\n${key}: unexplained = ${law.scale.toPrecision(3)} x^${law.exponent.toFixed(3)}, R^2 ${law.r2.toFixed(3)}\n`,
  );
  console.log(
    table(
      [key, "unexplained", "power law", "dead"],
      points.map(([x, y, dead]) => [x, y.toFixed(4), (law.scale * x ** law.exponent).toFixed(4), dead.toFixed(3)]),
    ),
  );
}
writeFileSync(`models/architectures/${name.replace(/\W/g, "-")}-scaling.json`, `${JSON.stringify(found, null, 1)}\n`);
