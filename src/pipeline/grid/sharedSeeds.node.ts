import { readCheckpoint } from "../../checkpoint/checkpoint.ts";
import { readBytes } from "../../data/files.node.ts";
import { matchingOf } from "../../evaluate/truth/matching.ts";
import { configurationKey } from "../../record/identity.ts";
import type { SaeRecord } from "../../record/record.ts";
import { providers } from "../../runtime/providers.node.ts";
import { groupBy } from "../../util/group.ts";
import type { HostTensor } from "../../util/tensor.ts";
import { checkpointPath, type GridPlan } from "./plan.node.ts";

/** From these absolute cosines on two latents of different seeds are called one feature. */
const shared = { shared_features_70: 0.7, shared_features_90: 0.9 } as const;

/**
 * The records of a grid's SAEs that differ from others of it by their seed only, with the share of their latents that the others have too:
 * decoder rows matched one to one so that their absolute cosines are largest, the mean over the other seeds. Sizes whose pairs of latents
 * are too many to match are left out. Source: Paulo and Belrose 2025 (arXiv 2501.16615).
 */
export async function sharedAcrossSeeds(plan: GridPlan, records: readonly SaeRecord[]): Promise<readonly SaeRecord[]> {
  const own = new Set(plan.entries.map(({ name }) => name));
  const groups = groupBy(
    records.filter(({ name }) => own.has(name)),
    configurationKey,
  );
  const found: SaeRecord[] = [];
  for (const members of groups.values()) {
    const unknown = members.some(({ metrics }) => metrics.shared_features_70 === undefined);
    if (members.length < 2 || !unknown) continue;
    const decoders = await Promise.all(members.map(({ name }) => decoderOf(checkpointPath(plan.run, name))));
    const cpu = await providers.cpu.load();
    const shares = members.map(() => ({ shared_features_70: 0, shared_features_90: 0 }));
    let complete = true;
    for (const [i, one] of decoders.entries())
      for (const [j, other] of decoders.entries()) {
        if (j <= i) continue;
        const { matched } = await matchingOf(cpu, other, one);
        if (!matched) complete = false;
        for (const [key, from] of Object.entries(shared) as [keyof typeof shared, number][]) {
          const share = (matched ?? []).filter((cosine) => cosine >= from).length / one.dims[0]!;
          for (const at of [i, j]) shares[at]![key] += share / (members.length - 1);
        }
      }
    if (!complete) continue;
    for (const [i, record] of members.entries())
      found.push({
        ...record,
        metrics: { ...record.metrics, ...shares[i]! },
        splits: { ...record.splits, shared_features_70: "all", shared_features_90: "all" },
      });
  }
  return found;
}

async function decoderOf(path: string): Promise<HostTensor<"float32">> {
  return readCheckpoint(await readBytes(path), path).tensors.W_dec as HostTensor<"float32">;
}
