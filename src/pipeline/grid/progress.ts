import type { TrainConfig } from "../../config/config.ts";
import { keptPerRow } from "../../sae/spec.ts";
import type { GridProgress, GridRun } from "./request.ts";

/** How long an SAE takes beside others, roughly: up to three times as long where batches use every latent as where they use few. */
export const workOf = (config: TrainConfig): number =>
  config.latentDim * config.epochs * (config.step === "live" ? Math.min(3, 1 + keptPerRow(config)! / 50) : 3);

/** News of one SAE. */
type News = Pick<GridProgress, "epochsDone" | "loss" | "state" | "row" | "waited">;

/** Reports how far the whole grid is, whenever one of its SAEs has news. */
export function gridTeller<E extends { readonly name: string; readonly config: TrainConfig }>(
  { onProgress }: Pick<GridRun, "onProgress">,
  entries: readonly E[],
): (entry: E, news: News) => void {
  const total = entries.reduce((sum, { config }) => sum + workOf(config), 0);
  const shares = new Map(entries.map((entry) => [entry, 0]));
  let finished = 0;
  return (entry, news) => {
    const { epochs } = entry.config;
    shares.set(entry, (workOf(entry.config) * news.epochsDone) / epochs / total);
    if (news.state !== "training") finished++;
    const done = [...shares.values()].reduce((sum, share) => sum + share, 0);
    onProgress?.({ finished, count: entries.length, name: entry.name, epochs, done, ...news });
  };
}
