// The logic of gpu.sh: `require DOCTOR.json PROVIDER` fails unless the provider works; `write FOLDER PROVIDER OUT` joins the results.
import { execFileSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const [what, ...rest] = process.argv.slice(2);

/** Seconds per SAE on an H100 that this project aims at; a figure is a result only once this has run there. */
const targetSeconds = 1;

/** Name and driver of the card, as NVIDIA's own tool says them. */
function card() {
  try {
    const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
    return execFileSync("nvidia-smi", query, { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}

if (what === "require") {
  const [file, provider] = rest;
  const found = read(file).providers.find((one) => one.provider === provider);
  if (!found?.usable) {
    console.error(`error: ${provider} is not usable here: ${found?.why ?? "unknown provider"}; nothing was measured`);
    process.exit(1);
  }
} else {
  const [folder, provider, out] = rest;
  const rows = read(join(folder, "rows.json"));
  const result = {
    provider,
    card: provider === "cuda" ? card() : null,
    doctor: read(join(folder, "doctor.json")),
    parity: read(join(folder, "parity.json")),
    data: "synthetic stand-in",
    target_seconds: targetSeconds,
    saes: (rows.rows ?? rows).map((row) => ({
      latent_dim: row.latent_dim,
      k: row.k,
      train_time_sec: row.train_time_sec,
      explained_variance: row.explained_variance ?? row.metrics?.explained_variance,
      feature_death_rate: row.feature_death_rate ?? row.metrics?.feature_death_rate,
    })),
  };
  if (result.saes.some((one) => !Number.isFinite(one.train_time_sec) || !Number.isFinite(one.explained_variance))) {
    console.error("error: a row has no time or no explained variance; nothing was written");
    process.exit(1);
  }
  writeFileSync(`${out}.part`, `${JSON.stringify(result, null, 1)}\n`);
  renameSync(`${out}.part`, out);
  const slowest = Math.max(...result.saes.map((one) => one.train_time_sec));
  console.error(
    `${out}: ${result.saes.length} SAEs, the slowest ${slowest.toFixed(2)} s (target on an H100: under ${targetSeconds} s)`,
  );
}
