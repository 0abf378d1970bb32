/**
 * The whole loop on SmolLM2-135M: its ONNX, activations of one block, an SAE, what its latents respond to, what the model loses with it, and a
 * latent pushed. What is there already is not made again.
 *
 * Run: npm ci && npm run -s build && node examples/language-model/run.mjs
 *      [--out models/smollm2] [--tokens 100000] [--block 14] [--latent-dim 2304] [--k 32] [--epochs 4] [--texts 200] [--bits 32,8,4]
 *      [--python PATH] [--tiny]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makePython, readyPython, run } from "./python.mjs";

const here = import.meta.dirname;
const cli = join(here, "../../dist/cli/main.js");
const options = {
  ...{ out: { type: "string", default: "models/smollm2" }, python: { type: "string" } },
  ...{ tokens: { type: "string", default: "100000" }, block: { type: "string", default: "14" } },
  ...{ "latent-dim": { type: "string", default: "2304" }, k: { type: "string", default: "32" } },
  ...{ epochs: { type: "string", default: "4" }, texts: { type: "string", default: "200" } },
  ...{ bits: { type: "string", default: "32" }, tiny: { type: "boolean", default: false } },
};
const given = parseArgs({ options }).values;
const at = (...parts) => join(given.out, ...parts);
const model = at("model.onnx");
const place = `blocks.${given.block}`;
const name = `smollm2_d${given["latent-dim"]}_k${given.k}`;
const sae = at("sae", `${name}.autoencoder.onnx`);

const times = [];
/** Does a step, and keeps how long it took. */
async function step(what, work) {
  console.log(`\n== ${what}`);
  const started = performance.now();
  await work();
  times.push([what, (performance.now() - started) / 1000]);
}
const saeOnnx = (...args) => run(process.execPath, cli, ...args);

/** What a command prints as JSON. */
function asked(...args) {
  const { status, stdout } = spawnSync(process.execPath, [cli, ...args, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`sae-onnx ${args[0]} failed`);
  return JSON.parse(stdout);
}

/** Glosses of WordNet: the first are kept for measuring, as many as have `--tokens` are trained on. */
async function writeTexts() {
  const texts = join(here, "../text-encoder");
  if (!existsSync(join(texts, "node_modules"))) run("npm", "ci", "--silent", "--prefix", texts);
  const { glosses } = await import("../text-encoder/texts.mjs");
  const all = await glosses();
  const measured = Number(given.texts);
  // A gloss has some 17 tokens; the harvest says how many there were.
  const trained = Math.ceil(Number(given.tokens) / perGloss);
  writeFileSync(at("measured.txt"), `${all.slice(0, measured).join("\n")}\n`);
  writeFileSync(at("trained.txt"), `${all.slice(measured, measured + trained).join("\n")}\n`);
}
/** Rows of a gloss of WordNet, without its first token; SmolLM2's tokenizer. */
const perGloss = 15.1;

/** A latent to push: of those that fire in one token of a hundred to a thousand, the one whose mean is the median of theirs. */
function chooseLatent() {
  const latents = readFileSync(at("features", "latents.jsonl"), "utf8").trimEnd().split("\n").map(JSON.parse);
  const fit = latents.filter(({ frequency }) => frequency > 1e-3 && frequency < 1e-2);
  const some = fit.length > 0 ? fit : latents.filter(({ frequency }) => frequency > 0);
  return some.sort((a, b) => a.positive.mean - b.positive.mean)[Math.floor(some.length / 2)];
}

async function main() {
  mkdirSync(given.out, { recursive: true });
  const bits = given.bits.split(",");
  const file = (one) => (one === "32" ? model : at(`model_q${one}.onnx`));
  if (!bits.every((one) => existsSync(file(one))))
    await step("model", () => {
      const python = readyPython(given.python) ?? makePython();
      run(python, join(here, "make_model.py"), given.out, "--bits", given.bits, ...(given.tiny ? ["--tiny"] : []));
    });
  await step("texts", writeTexts);
  const acts = at("acts");
  await step("harvest", () =>
    saeOnnx(
      ...["harvest", "--model", model, "--at", place, "--text", at("trained.txt"), "--positions", "1.."],
      ...["--dtype", "float16", "--batch-tokens", "2048", "--out", acts],
    ),
  );
  await step("train", () =>
    saeOnnx(
      ...["train", "--data", acts, "--architecture", "topk-relu", "--preset", "recommended", "--name", "smollm2"],
      // Some tokens' activations are a hundred times as long as all others: trained on, they leave most latents dead.
      ...["--max-row-norm", "10x"],
      ...["--latent-dim", given["latent-dim"], "--k", given.k, "--epochs", given.epochs, "--out", at("sae")],
    ),
  );
  await step("features", () => saeOnnx("features", sae, "--data", acts, "--out", at("features")));
  const measured = ["--model", model, "--text", at("measured.txt")];
  await step("effect", () => saeOnnx("effect", sae, ...measured, "--out", at("effect.json")));
  await step("steer", () => {
    const { latent, positive } = chooseLatent();
    const strength = Number((4 * positive.largest).toPrecision(3));
    console.log(`latent ${latent}: its largest is ${positive.largest.toPrecision(3)}; pushed by ${strength}`);
    const steered = ["--steer", `${latent}:${strength}`, "--controls", "3", "--limit", "50", "--tokens", "12"];
    const { losses, continuations } = asked(
      "effect",
      sae,
      ...measured,
      ...steered,
      "--prompt",
      "The best way to start is",
    );
    for (const [name, { cross_entropy, kl }] of Object.entries(losses.changes))
      if (name.startsWith("steer"))
        console.log(`${name}: cross-entropy ${cross_entropy.toFixed(3)}, KL ${kl.toFixed(3)}`);
    for (const { name, text } of continuations)
      if (!/^(zero|mean|reconstruction)/.test(name)) console.log(`${name}: ${JSON.stringify(text)}`);
  });
  for (const one of bits.filter((one) => one !== "32"))
    await step(`${one} bits`, () =>
      saeOnnx("effect", sae, "--model", file(one), "--text", at("measured.txt"), "--limit", "50", "--controls", "0"),
    );
  console.log("");
  for (const [what, seconds] of times) console.log(`${what.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s`);
}

main().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
});
