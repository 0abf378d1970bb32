import type { Verified } from "../pipeline/verify.node.ts";

/** A line for each provider: whether the model gives what it should, and how far off it is. */
export const verifiedLines = ({ file, replays }: Verified): string[] =>
  replays.map(({ provider, ...one }) => {
    if (one.state === "refused") return `${file}: ${provider} did not load it: ${one.reason}`;
    const { ok, selection, clearRows, rows, values } = one.differences;
    const off = Object.entries(values).map(([name, share]) => `${name} ${share.toExponential(1)}`);
    const selected =
      "latents" in values ? `, ${selection} latents wrongly selected (${clearRows} of ${rows} rows are clear)` : "";
    return `${file}: ${ok ? "ok" : "DIFFERS"} on ${provider}, off by at most ${off.join(", ")} of the row's largest${selected}`;
  });
