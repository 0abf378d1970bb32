/** Every kind of log. */
export const logNames = ["tensorboard", "jsonl"] as const;
export type LogName = (typeof logNames)[number];
