import { defineMetric } from "./metric.ts";
import { nothingVaries } from "./variance.ts";

/** Mean over rows of the share of each row that its reconstruction leaves: a row counts as much as any other, however long it is. */
export const rowShare = defineMetric({
  name: "rowShare",
  split: "validation",
  keys: {
    row_fvu_mean: {
      label: "Unexplained share of a row",
      better: "lower",
      format: ".3f",
      definition:
        "Mean over rows of |x - xHat|^2 / |x - mean|^2, the mean row of the evaluated rows: every row counts alike, however long. 0 is perfect; predicting the mean row scores 1. Rows equal to the mean row are left out.",
    },
  },
  rows: {
    share: ({ error, spread }) => (spread === 0 ? 0 : error / spread),
    count: ({ spread }) => (spread === 0 ? 0 : 1),
  },
  value: ({ share, count }, { rows }) => ({
    row_fvu_mean: count.sum === 0 ? nothingVaries(rows) : share.sum / count.sum,
  }),
});
