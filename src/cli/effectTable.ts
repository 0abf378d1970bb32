import type { Effect } from "../effect/effect.node.ts";
import type { GroupLosses, Losses, PositionLosses } from "../effect/losses.ts";
import type { VectorEffect } from "../effect/vectors.ts";
import { visible } from "../util/visible.ts";
import { boxed } from "./output.ts";
import { columns, fold } from "./terminal.ts";

const short = (value: number): string => value.toFixed(3);
const share = (value: number | null): string => (value === null ? "-" : short(value));

/** What was found, as tables of plain text and what to know of them. */
export function effectTable(effect: Effect): string {
  const { at, positions, texts, tokens, changed, losses, vectors, continuations } = effect;
  const left = effect.short > 0 ? `, ${effect.short} texts of one token left out` : "";
  const lines = [
    `${at}, changed at positions ${positions}: ${changed} of ${tokens} tokens of ${texts} texts${left}.`,
    ...(losses ? lossNotes(losses) : []),
    ...(vectors ? vectorNotes : []),
  ];
  return [
    ...(losses ? [lossTable(losses), positionTable(losses.positions)] : []),
    ...(vectors ? [vectorTable(vectors)] : []),
    ...[...lines, ...nearestLines(vectors ?? {})].map((line) => fold(visible(line), columns())),
    ...(continuations ?? []).map(({ name, text }) => visible(`${name}: ${JSON.stringify(text)}`)),
  ].join("\n");
}

function lossTable({ cross_entropy, changes }: GroupLosses): string {
  const all = Object.entries(changes);
  const column = (title: string, clean: string, value: (losses: Losses) => string) => [
    title,
    clean,
    ...all.map(([, losses]) => value(losses)),
  ];
  return boxed([
    ["in the activation's place", "unchanged", ...all.map(([name]) => name)],
    column("cross-entropy", short(cross_entropy), (one) => short(one.cross_entropy)),
    column("moved by", "", (one) => signed(one.cross_entropy - cross_entropy)),
    column("KL", "0.000", ({ kl }) => short(kl)),
    column("recovered (zero)", "1.000", ({ recovered }) => share(recovered)),
    column("recovered (mean)", "1.000", ({ recovered_mean }) => share(recovered_mean)),
  ]);
}

/** What is shown of each position: the usual changes, and the first control of the reconstruction. */
function positionTable(positions: readonly PositionLosses[]): string {
  const shown = ["reconstruction", "reconstruction: random 1", "zero", "mean"].filter(
    (name) => positions[0] && name in positions[0].changes,
  );
  return boxed([
    ["position", ...positions.map(({ from, to }) => (from === to ? String(from) : `${from} to ${to}`))],
    ["tokens", ...positions.map(({ tokens }) => String(tokens))],
    ["unchanged", ...positions.map(({ cross_entropy }) => short(cross_entropy))],
    ...shown.map((name) => [name, ...positions.map(({ changes }) => short(changes[name]!.cross_entropy))]),
    ["KL", ...positions.map(({ changes }) => short(changes.reconstruction!.kl))],
    ["recovered (zero)", ...positions.map(({ changes }) => share(changes.reconstruction!.recovered))],
  ]);
}

const lossNotes = ({ tokens }: GroupLosses): readonly string[] => [
  `${tokens} tokens predicted. Cross-entropy in nats a token; KL from the unchanged model's distribution.`,
  "recovered: (ablated - changed) / (ablated - unchanged) of cross-entropies. random: a direction drawn for each row, as far away.",
];

function vectorTable(vectors: Readonly<Record<string, VectorEffect>>): string {
  const all = Object.entries(vectors);
  return boxed([
    ["in the activation's place", ...all.map(([name]) => name)],
    ["cosine", ...all.map(([, one]) => short(one.cosine_mean))],
    ["least", ...all.map(([, one]) => short(one.cosine_min))],
    ["distance", ...all.map(([, one]) => short(one.distance_mean))],
    ["still nearest", ...all.map(([, one]) => short(one.still_nearest))],
  ]);
}

/** What moved texts are nearest to, under changes of latents. */
const nearestLines = (vectors: Readonly<Record<string, VectorEffect>>): readonly string[] =>
  Object.entries(vectors).flatMap(([name, { examples }]) =>
    /^(ablate|scale|steer)/.test(name) && !name.includes(": random")
      ? examples.map(({ text, nearest }) => `${name}: "${text}" is now nearest to "${nearest}"`)
      : [],
  );

const vectorNotes = [
  "cosine and distance: of a text's vector to what it is unchanged, mean over texts. still nearest: share of texts that are nearest to themselves.",
];

const signed = (value: number): string => `${value < 0 ? "" : "+"}${short(value)}`;
