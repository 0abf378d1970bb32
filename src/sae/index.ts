import type { Architecture } from "./architecture.ts";
import { batchTopK } from "./batchTopk.ts";
import { jumpRelu } from "./jumpRelu.ts";
import { pretrainedJumpRelu, pretrainedRelu, pretrainedTopK } from "./pretrained.ts";
import { reluL1 } from "./reluL1.ts";
import { topK } from "./topk.ts";
import { topKRelu } from "./topkRelu.ts";

/** Every architecture, by the name that `--architecture` and files use. */
export const architectures = {
  topk: topK,
  "topk-relu": topKRelu,
  "relu-l1": reluL1,
  batchtopk: batchTopK,
  jumprelu: jumpRelu,
  "pretrained-topk": pretrainedTopK,
  "pretrained-jumprelu": pretrainedJumpRelu,
  "pretrained-relu": pretrainedRelu,
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

/** Those that can be trained; the others only carry weights trained elsewhere. */
export const trainable: readonly Architecture[] = Object.values<Architecture>(architectures).filter(
  (one) => one.trainable !== false,
);
