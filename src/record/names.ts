import type { TrainConfig } from "../config/config.ts";
import { configToJson } from "../config/json.ts";
import { checkFileName } from "../util/fileName.ts";
import { followingKeys } from "./identity.ts";
import type { Setting } from "./record.ts";

/** Keys with a shorter name in files. */
const short: Readonly<Record<string, string>> = { latent_dim: "d", learning_rate: "lr", seed: "s" };

/**
 * What the files of each SAE of a grid are called: `NAME_d512_k5`, without `k` where the architecture has none; behind it every other
 * key of the configuration that differs within the grid, in a fixed order: `_lr0.001`, `_lambda0.01`, `_select-value`; the seed last,
 * `_s0`. Keys that follow from the others stand there only where nothing else tells two SAEs apart. Two configurations that differ in
 * anything have two names.
 * @throws {ConfigError} when NAME is no file name.
 */
export function stemsOf(name: string, configs: readonly TrainConfig[]): string[] {
  checkFileName(name);
  const all = configs.map(configToJson);
  const [stated, following] = keysIn(all);
  const differs = (key: string) => new Set(all.map((config) => config[key])).size > 1;
  let stems = all.map((one) => `${name}${piece("latent_dim", one.latent_dim)}${piece("k", one.k)}`);
  const append = (key: string) => {
    stems = stems.map((stem, i) => `${stem}${piece(key, all[i]![key])}`);
  };
  for (const key of stated) if (differs(key)) append(key);
  for (const key of following) if (separates(all, stems, key)) append(key);
  if (differs("seed")) append("seed");
  return stems;
}

/** The keys there are besides those of every name: what is asked for, and what follows from it. */
function keysIn(all: Configs): readonly [readonly string[], readonly string[]] {
  const always = ["latent_dim", "k", "seed"];
  const keys = [...new Set(all.flatMap(Object.keys))].filter((key) => !always.includes(key)).sort();
  return [keys.filter((key) => !followingKeys.has(key)), [...followingKeys]];
}

type Configs = readonly Readonly<Record<string, Setting>>[];

/** Whether two SAEs of one stem so far and one seed differ in a key. */
function separates(all: Configs, stems: readonly string[], key: string): boolean {
  const seen = new Map<string, Setting | undefined>();
  return all.some((config, i) => {
    const stem = `${stems[i]} ${config.seed}`;
    if (seen.has(stem)) return seen.get(stem) !== config[key];
    seen.set(stem, config[key]);
    return false;
  });
}

/** `_k5`, `_lr0.001`, `_select-value`; nothing for a key that is not there. */
function piece(key: string, value: Setting | undefined): string {
  if (value === undefined) return "";
  const label = short[key] ?? key.replaceAll("_", "-");
  return `_${label}${typeof value === "number" ? value : `-${safe(String(value))}`}`;
}

/** Text as part of a file name; characters that may mean something to a shell or a file system by their number. */
export const safe = (text: string): string =>
  text.replace(/[^a-zA-Z0-9.-]/g, (character) => `~${character.codePointAt(0)!.toString(16)}~`);
