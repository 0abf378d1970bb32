import { defineMetric } from "./metric.ts";
import { explained, fromMean, type Made, nothingVaries, type Variances } from "./variance.ts";

/** How much of the variance the heaviest thousandth of the rows hold, and both explained variances without them: a few rows may decide what is said of all. */
export const heaviestRows = defineMetric({
  name: "heaviestRows",
  split: "validation",
  keys: {
    top_rows_variance_share: {
      label: "Variance in the heaviest 0.1 % of rows",
      better: "none",
      format: ".3f",
      definition:
        "Share of sum |x - mean|^2 that the heaviest 0.1 % of the evaluated rows hold (those farthest from the mean row, rounded up: at least one row). Where it is large, few rows decide explained_variance.",
    },
    explained_variance_without_top_rows: {
      label: "Explained variance without the heaviest rows",
      better: "higher",
      format: ".3f",
      definition: "explained_variance of the other rows, once the heaviest 0.1 % are left out.",
    },
    explained_variance_centered_without_top_rows: {
      label: "Explained variance (centred) without the heaviest rows",
      better: "higher",
      format: ".3f",
      definition:
        "explained_variance_centered of the other rows, about their own mean row, once the heaviest 0.1 % are left out.",
    },
  },
  value: (_, { rows, validation: { all, heaviest, others } }) => ({
    top_rows_variance_share: all.fromMeanRow === 0 ? nothingVaries(rows) : heaviest.fromMeanRow / all.fromMeanRow,
    explained_variance_without_top_rows: ofOthers(others, explained(others.residual, fromMean(others), others)),
    explained_variance_centered_without_top_rows: ofOthers(others, explained(others.error, others.fromMeanRow, others)),
  }),
});

const ofOthers = ({ rows }: Variances, made: Made): Made =>
  rows === 0 ? "no other row is left" : typeof made === "string" ? `without the heaviest rows ${made}` : made;
