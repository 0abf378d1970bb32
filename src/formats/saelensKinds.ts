import { z } from "zod";

/** What a class of SAELens computes. */
export interface Kind {
  /** How latents follow from pre-activations. */
  readonly latents: "relu" | "topk" | "abstopk" | "jumprelu" | "gated" | "pursuit";
  readonly transcodes: boolean;
  /** Whether it adds W_skip x. */
  readonly skips: boolean;
  /** Whether latents may be multiplied by the length of their decoder row. */
  readonly rescales: boolean;
  /** A class of training only, whose batches keep k on average: its running threshold is what it keeps when trained, as it saves itself. */
  readonly training: boolean;
}

const kind = (latents: Kind["latents"], more: Partial<Kind> = {}): Kind => ({
  ...{ latents, transcodes: false, skips: false, rescales: false, training: false },
  ...more,
});
const trained = kind("jumprelu", { rescales: true, training: true });

/** Every class, by the architecture that cfg.json names. */
export const kinds = {
  standard: kind("relu"),
  gated: kind("gated"),
  topk: kind("topk", { rescales: true }),
  abstopk: kind("abstopk", { rescales: true }),
  jumprelu: kind("jumprelu"),
  batchtopk: trained,
  matryoshka_batchtopk: trained,
  matching_pursuit: kind("pursuit"),
  transcoder: kind("relu", { transcodes: true }),
  skip_transcoder: kind("relu", { transcodes: true, skips: true }),
  jumprelu_transcoder: kind("jumprelu", { transcodes: true }),
  jumprelu_skip_transcoder: kind("jumprelu", { transcodes: true, skips: true }),
} as const satisfies Record<string, Kind>;

/** An architecture that is read. */
export const architectureOf = z.enum(Object.keys(kinds) as [keyof typeof kinds, ...(keyof typeof kinds)[]], {
  error: ({ input }) =>
    input === "temporal"
      ? "it encodes sequences [batch, position, dims], here every row is encoded by itself; no other form of it computes the same"
      : `not supported here, only ${Object.keys(kinds).join(" or ")}`,
});
