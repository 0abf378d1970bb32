import { basename, dirname, join } from "node:path";
import { readBytes } from "../../data/files.ts";
import { readMetrics, writeReport } from "../../pipeline/files.ts";
import type { LatentStatistics } from "../../report/charts/chart.ts";
import { defaultRule } from "../../report/pareto.ts";
import { buildReport } from "../../report/report.ts";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import { json } from "../flags.ts";
import { note, print } from "../output.ts";

export const report = defineCommand({
  command: "report <metrics>",
  positional: {
    metrics: { describe: "metrics file of train or eval, or the experiment's grid_metrics or pareto files" },
  },
  options: {
    out: { type: "string", default: "reports", describe: "folder to write to" },
    pareto: { type: "string", default: defaultRule, describe: "objectives, each with :max or :min" },
    dominance: {
      choices: ["standard", "strict"],
      default: "standard",
      describe: "standard: at least as good in all, better in one; strict: better in all",
    },
    title: { type: "string", describe: "title of the page" },
    json,
  },
  examples: [["$0 report models/sae.metrics.json", "reports/index.html and everything it is made of"]],
  async run(given) {
    const path = given.metrics as string;
    const file = await readMetrics(path);
    const latents: Record<string, LatentStatistics> = {};
    for (const { name } of file.rows) {
      const found = await latentsBeside(path, name);
      if (found) latents[name] = found;
    }
    const { pareto, dominance, title, out } = given;
    const files = await buildReport(file, { pareto, dominance, latents, ...(title === undefined ? {} : { title }) });
    await writeReport(files, out);
    const page = join(out, "index.html");
    if (given.json) print(JSON.stringify({ page, files: [...files.keys()] }, null, 1));
    else print(`open ${page}`);
    note(`${files.size} files in ${out}`);
  },
});

/** What `train` wrote per latent, where it lies beside the metrics file. */
async function latentsBeside(metrics: string, name: string): Promise<LatentStatistics | undefined> {
  const path = join(dirname(metrics), `${basename(name)}.latents.json`);
  const bytes = await readBytes(path).catch((error) => {
    if ((error.cause as { code?: string } | undefined)?.code === "ENOENT") return undefined;
    throw error;
  });
  if (!bytes) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as LatentStatistics;
  } catch {
    throw new ConfigError(`${path}: not JSON; delete it, or train again`);
  }
}
