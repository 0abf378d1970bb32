import type { ArchitectureChoice, Plan, PlanRequest, TrainConfig } from "../../browser.ts";
import { at, duration, make, messageOf, size } from "../dom.ts";
import { theWorker } from "../engine.ts";
import { theData } from "../shelf.ts";

type Choice = ArchitectureChoice["options"][number];

/** What fields without a default begin with. */
const suggested: Readonly<Record<string, number>> = { k: 20, lambda: 0.01 };
/** Fields that every training has. */
const common: readonly Choice[] = [
  { name: "latentDim", type: "integer", min: 1, default: 512, describe: "number of latents" },
  { name: "epochs", type: "integer", min: 1, default: 5, describe: "times every training row is seen" },
  { name: "batchSize", type: "integer", min: 1, default: 256, describe: "rows per step" },
];
const further: readonly Choice[] = [
  {
    name: "learningRate",
    type: "number",
    min: 0,
    open: "min",
    default: 0,
    describe: "how far a step goes; empty: the preset's",
  },
  { name: "seed", type: "integer", min: 0, default: 0, describe: "seed of the first weights and of the order of rows" },
];

let choices: readonly ArchitectureChoice[] = [];

const select = (id: string) => at<HTMLSelectElement>(id);
const architecture = () => choices.find(({ name }) => name === select("train-architecture").value)!;

/** `latentDim` as people read it. */
const spaced = (name: string): string =>
  ({ latentDim: "Latents", k: "k", batchSize: "Batch" })[name] ??
  name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/^./, (letter) => letter.toUpperCase());

function field(choice: Choice, own: string, value: number | string | boolean | undefined): HTMLElement {
  const id = `train-${own}`;
  let input: HTMLElement;
  if (choice.type === "boolean" || choice.type === "choice") {
    const options = choice.type === "boolean" ? ["true", "false"] : choice.choices;
    input = make(
      "select",
      { id },
      ...options.map((one) =>
        make("option", { value: one }, choice.type === "boolean" ? { true: "yes", false: "no" }[one]! : one),
      ),
    );
    (input as HTMLSelectElement).value = String(value ?? choice.default);
  } else {
    const isNumber = choice.type === "integer" || choice.type === "number";
    const attributes = isNumber
      ? { type: "number", min: String(choice.min), step: choice.type === "integer" ? "1" : "any", inputmode: "decimal" }
      : { type: "text" };
    input = make("input", { id, ...attributes, value: String(value ?? choice.default ?? ""), required: "" });
  }
  input.dataset.name = choice.name;
  input.title = choice.describe;
  return make("label", { for: id, title: choice.describe }, spaced(choice.name), input);
}

/** The fields for the architecture and preset that are chosen; what was written for others of a name stays. */
function fields(): void {
  const { options, presets } = architecture();
  const preset = presets[select("train-preset").value] ?? {};
  const written = new Map(
    [...document.querySelectorAll<HTMLInputElement>("#train-sizes input")].map((input) => [
      input.dataset.name!,
      input.value,
    ]),
  );
  for (const old of document.querySelectorAll("#train-form [data-name]")) old.closest("label")!.remove();
  const needed = options.filter((option) => option.default === undefined);
  const rest = options.filter((option) => option.default !== undefined);
  const value = (option: Choice) => preset[option.name] ?? written.get(option.name) ?? suggested[option.name];
  const [latents, ...training] = common as [Choice, Choice, Choice];
  at("train-sizes").append(
    field(latents, "latents", written.get("latentDim")),
    ...needed.map((option) => field(option, option.name, value(option))),
    ...training.map((one) => field(one, one.name === "batchSize" ? "batch" : one.name, written.get(one.name))),
  );
  at("train-options").append(
    ...rest.map((option) => field(option, option.name, preset[option.name])),
    ...further.map((one) =>
      field(one, one.name === "learningRate" ? "rate" : one.name, one.name === "learningRate" ? "" : undefined),
    ),
  );
  at<HTMLInputElement>("train-rate").required = false;
  at<HTMLInputElement>("train-rate").placeholder = "preset's";
}

function presets(): void {
  const names = Object.keys(architecture().presets);
  select("train-preset").replaceChildren(...names.map((name) => make("option", {}, name)));
  select("train-preset").value = names.includes("recommended") ? "recommended" : names[0]!;
}

/** What the form says. */
async function request(): Promise<PlanRequest> {
  const { inputDim, info } = await theData();
  const worker = await theWorker();
  const value = (input: HTMLInputElement | HTMLSelectElement): number | string | boolean =>
    input instanceof HTMLInputElement && input.type === "number"
      ? Number(input.value)
      : input.value === "true" || input.value === "false"
        ? input.value === "true"
        : input.value;
  const given = Object.fromEntries(
    [...document.querySelectorAll<HTMLInputElement | HTMLSelectElement>("#train-form [data-name]")]
      .filter(({ value }) => value !== "")
      .map((input) => [input.dataset.name!, value(input)]),
  );
  const { latentDim, epochs, batchSize, learningRate, seed, ...options } = given as Record<string, number>;
  return {
    ...{ architecture: architecture().name, preset: select("train-preset").value, inputDim, options },
    latentDim: latentDim ?? 0,
    training: {
      epochs: epochs!,
      batchSize: batchSize!,
      seed: seed!,
      ...(learningRate === undefined ? {} : { learningRate }),
    },
    ...{ rows: info.train_rows, provider: worker.provider, threads: worker.threads },
  };
}

/** The training that the form describes, and what it takes. @throws where it contradicts itself, or cannot be done in a tab. */
export async function plan(): Promise<Plan> {
  const made = await (await theWorker()).call("plan", await request());
  if (made.refused !== undefined) throw new Error(made.refused);
  return made;
}

/** Fills the form with what a training is. */
export function showConfig({ architecture: name, preset, options, ...training }: TrainConfig): void {
  select("train-architecture").value = name;
  presets();
  if (Object.hasOwn(architecture().presets, preset)) select("train-preset").value = preset;
  fields();
  const values: Readonly<Record<string, unknown>> = { ...training, ...options };
  for (const input of document.querySelectorAll<HTMLInputElement | HTMLSelectElement>("#train-form [data-name]"))
    if (values[input.dataset.name!] !== undefined) input.value = String(values[input.dataset.name!]);
}

let asked = 0;

/** Says what the training would take. */
export async function estimate(): Promise<void> {
  const place = at("train-plan");
  if (at("train").hidden || choices.length === 0) return;
  const mine = ++asked;
  const said = await (async () => (await theWorker()).call("plan", await request()))()
    .then(({ bytes, seconds, refused }) => ({
      text:
        refused === undefined
          ? `Takes about ${size(bytes)} and ${duration(seconds)}.`
          : `This cannot be trained here: ${refused}.`,
      wrong: refused !== undefined,
    }))
    .catch((error) => ({ text: messageOf(error), wrong: true }));
  if (mine !== asked) return;
  place.textContent = said.text;
  place.classList.toggle("wrong", said.wrong);
  at<HTMLButtonElement>("train-start").toggleAttribute("data-refused", said.wrong);
}

/** Makes the form from the table of architectures, once. */
export async function startForm(): Promise<void> {
  if (choices.length > 0) return;
  choices = await (await theWorker()).call("choices", undefined);
  if (at("train-sizes").childElementCount > 0) return;
  const options = choices.map(({ name, source }) => make("option", { value: name, title: source }, name));
  at("train-sizes").append(
    make(
      "label",
      { for: "train-architecture" },
      "Architecture",
      make("select", { id: "train-architecture" }, ...options),
    ),
    make("label", { for: "train-preset" }, "Preset", make("select", { id: "train-preset" })),
  );
  select("train-architecture").value = "topk-relu";
  presets();
  fields();
  select("train-architecture").addEventListener("change", () => {
    presets();
    fields();
    void estimate();
  });
  select("train-preset").addEventListener("change", () => {
    fields();
    void estimate();
  });
  at("train-form").addEventListener("input", () => void estimate());
}
