import type { Architecture } from "./architecture.ts";
import { batchTopK } from "./batchTopk.ts";
import { gated } from "./gated.ts";
import { groupMax } from "./groupMax.ts";
import { jumpRelu } from "./jumpRelu.ts";
import { matchingPursuit } from "./matchingPursuit.ts";
import { matryoshka } from "./matryoshka.ts";
import { pAnneal } from "./pAnneal.ts";
import { pretrainedJumpRelu, pretrainedRelu, pretrainedTopK } from "./pretrained.ts";
import { pretrainedGated } from "./pretrainedGated.ts";
import { pretrainedGroupMax } from "./pretrainedGroupMax.ts";
import { pretrainedPursuit } from "./pretrainedPursuit.ts";
import { reluL1 } from "./reluL1.ts";
import { topK } from "./topk.ts";
import { topKRelu } from "./topkRelu.ts";

/** Every architecture, by the name that `--architecture` and files use. */
export const architectures = {
  topk: topK,
  "topk-relu": topKRelu,
  "relu-l1": reluL1,
  batchtopk: batchTopK,
  matryoshka,
  jumprelu: jumpRelu,
  gated,
  "p-anneal": pAnneal,
  groupmax: groupMax,
  "matching-pursuit": matchingPursuit,
  "pretrained-topk": pretrainedTopK,
  "pretrained-jumprelu": pretrainedJumpRelu,
  "pretrained-relu": pretrainedRelu,
  "pretrained-gated": pretrainedGated,
  "pretrained-groupmax": pretrainedGroupMax,
  "pretrained-matching-pursuit": pretrainedPursuit,
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

/** Those that can be trained; the others only carry weights trained elsewhere. */
export const trainable: readonly Architecture[] = Object.values<Architecture>(architectures).filter(
  (one) => one.trainable !== false,
);
