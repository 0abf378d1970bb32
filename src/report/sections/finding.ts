import type { SectionName } from "../charts/chart.ts";
import { type Configuration, meanOf } from "../configurations.ts";
import { formatNumber, formatValue } from "../format.ts";
import { infoOf } from "../keys.ts";
import type { ReportInputs } from "./inputs.ts";

/** From where to where a metric goes over some configurations, in a sentence; `undefined` where nothing was measured. */
export function rangeSentence(all: readonly Configuration[], key: string): string | undefined {
  const measured = all.filter((one) => meanOf(one, key) !== null).toSorted((a, b) => meanOf(a, key)! - meanOf(b, key)!);
  const [low, high] = [measured[0], measured.at(-1)];
  if (!low || !high) return undefined;
  const of = (one: Configuration) => formatValue(key, meanOf(one, key));
  const label = infoOf(key).label;
  if (all.length === 1) return `${label} is ${of(low)}.`;
  if (meanOf(low, key) === meanOf(high, key)) return `${label} is ${of(low)} throughout.`;
  return `${label} from ${of(low)} (${low.label}) to ${of(high)} (${high.label}).`;
}

type Finding = (inputs: ReportInputs) => string | undefined;

const range =
  (...keys: readonly string[]): Finding =>
  ({ configurations }) =>
    keys.map((key) => rangeSentence(configurations, key)).find((sentence) => sentence !== undefined);

/** What a section of the results shows, in one sentence, before its figures. */
export const findings: Partial<Readonly<Record<SectionName, Finding>>> = {
  quality: range("explained_variance_centered", "explained_variance"),
  utilization: range("feature_death_rate"),
  magnitudes: range("mean_activation"),
  reconstruction: range("reconstruction_loss"),
  training: lastEpochs,
  latents: firing,
};

/** A loss that falls by more than this share in the last epoch has not come to its end. */
const falling = 0.01;

function lastEpochs({ configurations }: ReportInputs): string | undefined {
  const curves = configurations
    .flatMap(({ records }) => records.map(({ loss }) => loss ?? []))
    .filter((loss) => loss.length > 1);
  if (curves.length === 0) return undefined;
  const still = curves.filter((loss) => loss.at(-1)! < (1 - falling) * loss.at(-2)!).length;
  return `The loss of ${still} of ${curves.length} SAEs fell by more than 1 % in its last epoch: ${still === 0 ? "more epochs would change little" : "more epochs may help these"}.`;
}

/** Share of rows above which a latent is called dense. */
const dense = 0.1;

function firing({ latents }: ReportInputs): string | undefined {
  let [all, dead, often] = [0, 0, 0];
  for (const { frequency } of Object.values(latents))
    for (const share of Array.from(frequency)) {
      all++;
      if (share === 0) dead++;
      if (share > dense) often++;
    }
  if (all === 0) return undefined;
  const part = (count: number) => formatNumber(".1%", count / all);
  return `Of all latents ${part(dead)} never fire, and ${part(often)} fire in more than a tenth of the rows.`;
}
