// The logic of gpu.sh: `require DOCTOR.json PROVIDER` fails unless the provider works; `parity FOUND TO` keeps what parity printed, or that
// it ended in the middle; `write FOLDER PROVIDER OUT` joins the results;
// `table [gpu.json]` prints them as the table of docs/providers.md, `docs [gpu.json] [FOLDER]` puts them there and into README.md.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesWithGpu, gpuTable, targetSeconds, withGpu } from "./gpuTable.mjs";

const [what, ...rest] = process.argv.slice(2);

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return fail(`${file}: ${error.message}; nothing was written`);
  }
}

/** Written whole or not at all. */
function write(file, text) {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

const provided = (doctor, provider) => doctor.providers.find((one) => one.provider === provider);

/** The numbers of gpu.json; `null` where it is not there. */
function measured(file) {
  if (!existsSync(file)) return null;
  const result = read(file);
  if (result.provider !== "cuda") fail(`${file} is of provider ${result.provider}; the tables are for cuda`);
  return result;
}

const verbs = {
  require(file, provider) {
    const found = provided(read(file), provider);
    if (!found?.usable)
      fail(`${provider} is not usable here: ${found?.why ?? "unknown provider"}; nothing was measured`);
  },
  parity(found, to) {
    let text = readFileSync(found, "utf8");
    try {
      JSON.parse(text);
    } catch {
      text = JSON.stringify({
        steps: null,
        rows: [],
        failed: "parity ended before its result; run it alone to see why",
      });
    }
    write(to, text);
  },
  write(folder, provider, out) {
    const { config, rows } = read(join(folder, "rows.json"));
    const doctor = read(join(folder, "doctor.json"));
    const [first] = rows;
    const result = {
      provider,
      card: provided(doctor, provider).device,
      doctor,
      parity: read(join(folder, "parity.json")),
      data: "synthetic stand-in",
      input_dim: first.input_dim,
      epochs: first.epochs,
      target_seconds: targetSeconds,
      first_contact: config.first_contact ?? null,
      saes: rows.map(({ latent_dim, k, train_time_sec, explained_variance, feature_death_rate }) => ({
        ...{ latent_dim, k, train_time_sec, explained_variance, feature_death_rate },
      })),
    };
    if (result.saes.some((one) => !Number.isFinite(one.train_time_sec) || !Number.isFinite(one.explained_variance)))
      fail("a row has no time or no explained variance; nothing was written");
    write(out, `${JSON.stringify(result, null, 1)}\n`);
    const slowest = Math.max(...result.saes.map((one) => one.train_time_sec));
    console.error(
      `${out}: ${result.saes.length} SAEs, the slowest ${slowest.toFixed(2)} s (target on an H100: under ${targetSeconds} s)`,
    );
  },
  table: (file = "bench/gpu.json") => console.log(gpuTable(measured(file))),
  docs(file = "bench/gpu.json", folder = ".") {
    const result = measured(file);
    try {
      // All are made before the first is written.
      const texts = filesWithGpu.map((name) => {
        const path = join(folder, name);
        return [path, withGpu(name, readFileSync(path, "utf8"), result)];
      });
      for (const [path, text] of texts) write(path, text);
    } catch (error) {
      fail(error.message);
    }
  },
};

if (!Object.hasOwn(verbs, what ?? "")) fail(`say one of ${Object.keys(verbs).join(", ")}`);
verbs[what](...rest);
