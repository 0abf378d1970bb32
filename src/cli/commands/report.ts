import { join } from "node:path";
import { filesIn } from "../../data/files.node.ts";
import { readMetrics, readReport, writeReport } from "../../pipeline/files.node.ts";
import { isSweep, metricsOfSweep } from "../../pipeline/sweep/folder.node.ts";
import { experimentGrid } from "../../record/experimentGrid.ts";
import type { Compared } from "../../report/sections/comparison.ts";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import { json } from "../flags.ts";
import { note, print } from "../output.ts";

export const report = defineCommand({
  command: "report <metrics..>",
  positional: {
    metrics: {
      describe:
        "metrics files of train or eval, the folder of a sweep or of such files, or the experiment's grid_metrics or pareto files; several make one report",
      array: true,
    },
  },
  options: {
    out: { type: "string", default: "reports", describe: "folder to write to" },
    pareto: {
      type: "string",
      describe:
        "objectives, each with :max or :min [default: explained_variance:max,k:min; l0_mean:min where k is not the measured L0, or does not vary]",
    },
    dominance: {
      choices: ["standard", "strict"],
      default: "standard",
      describe: "standard: at least as good in all, better in one; strict: better in all",
    },
    compare: {
      type: "string",
      describe: "another metrics file to compare with cell by cell, or `experiment`: the original experiment's 12 SAEs",
    },
    map: { type: "string", describe: "metrics to draw over layers and positions too: l0_mean,row_fvu_mean" },
    title: { type: "string", describe: "title of the page" },
    json,
  },
  examples: [
    ["$0 report models/sae.metrics.json", "reports/index.html and everything it is made of"],
    ["$0 report layer3.json layer14.json", "one report on both"],
    ["$0 report sweep", "on the SAEs of a sweep that are finished so far"],
    ["$0 report models/sae.metrics.json --compare experiment", "against the original experiment, cell by cell"],
  ],
  async run(given) {
    const { pareto, dominance, title, out, map } = given;
    const named = (given.metrics as string[]).map((one) => metricsAt(one));
    const { file, files: inputs, latents, texts } = await readReport((await Promise.all(named)).flat());
    const compare = given.compare === undefined ? undefined : await otherOf(given.compare);
    // Only now: vega takes longer to load than a wrong file to be found.
    const [{ buildReport }, { withPngs }] = await Promise.all([
      import("../../report/report.ts"),
      import("../../report/png.node.ts"),
    ]);
    const files = withPngs(
      await buildReport(file, {
        ...{ dominance, latents, texts, inputs },
        ...(pareto === undefined ? {} : { pareto }),
        ...(map === undefined ? {} : { maps: map.split(",").map((one) => one.trim()) }),
        ...(title === undefined ? {} : { title }),
        ...(compare === undefined ? {} : { compare }),
      }),
    );
    await writeReport(files, out);
    const page = join(out, "index.html");
    if (given.json) print(JSON.stringify({ page, files: [...files.keys()] }, null, 1));
    else print(`open ${page}`);
    if (given.quiet !== true) note(`${files.size} files in ${out}`);
  },
});

/** A metrics file that is named, those of a sweep whose folder is, or those in another folder. @throws {ConfigError} when it has none. */
async function metricsAt(path: string): Promise<readonly string[]> {
  const found = await filesIn(path, ".metrics.json");
  if (found === undefined) return [path];
  if (await isSweep(path)) return metricsOfSweep(path);
  if (found.length > 0) return found;
  throw new ConfigError(`${path}: holds no sweep and no .metrics.json; name the one that train wrote to`);
}

/** What to compare with; a file of the name `experiment` is `./experiment`. */
async function otherOf(name: string): Promise<Compared> {
  if (name === "") throw new ConfigError("--compare: no file named; name a metrics file, or `experiment`");
  if (name === "experiment") return { name: "the original experiment", file: experimentGrid() };
  return { name, file: await readMetrics(name) };
}
