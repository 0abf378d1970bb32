import type { Architecture } from "./architecture.ts";
import { topK } from "./topk.ts";
import { topKRelu } from "./topkRelu.ts";

/** Every architecture, by the name that `--architecture` and files use. */
export const architectures = { topk: topK, "topk-relu": topKRelu } as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;
