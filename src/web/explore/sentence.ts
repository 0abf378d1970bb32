import type { Ending, Place, Push, TextCodes } from "../../browser.ts";
import { at, button, type Child, make, say, short } from "../dom.ts";
import { attempt, onRestart, theWorker } from "../engine.ts";
import { bytesOf, onShelf, theSource, theTexts } from "../shelf.ts";
import type { Opened } from "./explore.ts";

/** The language model that is open in the worker. */
export interface Reader {
  readonly places: readonly Place[];
  readonly ending: Ending | null;
}

let reader: Promise<Reader> | undefined;
onRestart(() => {
  reader = undefined;
});

/** Whether a language model and its tokenizer are here. */
export const canRead = (): boolean => theTexts().model !== undefined && theTexts().tokenizer !== undefined;

/** The language model, opened once. @throws where it or its tokenizer is not here, saying which. */
export async function theReader(): Promise<Reader> {
  const { model, tokenizer } = theTexts();
  if (!model || !tokenizer)
    throw new Error(
      `to read sentences open ${model ? "the tokenizer.json of " : "a language model (.onnx)"}${model ? model.name : tokenizer ? "" : " and its tokenizer.json"}; a row's number is read without`,
    );
  reader ??= (async () => {
    const worker = await theWorker();
    return worker.call("openTexts", { model: await bytesOf(model), tokenizer: await bytesOf(tokenizer) });
  })();
  reader.catch(() => {
    reader = undefined;
  });
  return reader;
}

/** Where an SAE stands in the language model: at the layer that its metadata names, else at the first place as wide. */
async function placeOf({
  worker,
  model,
}: Opened): Promise<{ readonly sae: Awaited<ReturnType<typeof bytesOf>>; readonly at: string }> {
  if (model.kind === "codes")
    throw new Error(
      "to read sentences open three files: a language model (.onnx), its tokenizer.json, and an SAE trained on it; the demonstration has no weights here",
    );
  const sae = await bytesOf(model);
  const { width, layer } = await worker.call("recognise", { name: sae.name, file: sae.bytes });
  const { places } = await theReader();
  const fits = places.filter((place) => place.width === width || place.width === null);
  const place = fits.find(({ name }) => name.endsWith(`.${layer}`)) ?? fits[0];
  if (!place)
    throw new Error(
      `${model.name}: takes activations ${width} wide, ${theTexts().model!.name} has ${[...new Set(places.map((one) => one.width))].join(", ")}; is it the SAE of another model?`,
    );
  return { sae, at: place.name };
}

/** Reads a sentence: each token with its latents. */
export async function readSentence(text: string, one: Opened): Promise<TextCodes> {
  say("read", "reading …");
  const { sae, at: place } = await placeOf(one);
  const { codes } = await one.worker.call("readText", { sae, at: place, text });
  say("read", "");
  return codes;
}

/** Texts that pushed sentences are compared with, at most. */
const mostCompared = 10_000;

/** The texts of the chosen activations, each once. */
async function knownTexts(): Promise<readonly string[]> {
  const { labels } = await theSource();
  const lines = labels?.text.split("\n") ?? [];
  const texts = lines.flatMap((line) => {
    const text = /"text":\s*("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
    return text === undefined ? [] : [JSON.parse(text) as string];
  });
  return [...new Set(texts.length > 0 ? texts : ofTokens(lines))];
}

/** Texts put together of their tokens, where labels say these alone, as those that `harvest` writes. */
function ofTokens(lines: readonly string[]): readonly string[] {
  const texts = new Map<unknown, string>();
  for (const line of lines) {
    if (line.trim() === "") continue;
    const { text_id, token, tokens } = JSON.parse(line) as Record<string, unknown>;
    if (Array.isArray(tokens)) texts.set(text_id ?? line, tokens.join(""));
    else if (typeof token === "string" && text_id !== undefined) texts.set(text_id, (texts.get(text_id) ?? "") + token);
  }
  return Array.from(texts.values(), (text) => text.trim()).filter((text) => text !== "");
}

/** The first so many texts; always the same array for the same texts, so that they are embedded once. */
export async function someTexts(most = mostCompared): Promise<readonly string[]> {
  const all = await knownTexts();
  if (all.length === 0) throw new Error("the chosen activations have no texts; open some with their .labels.jsonl");
  return all.slice(0, most);
}

/** What the latent shown last is pushed with, and what came out: both stay where its panel is drawn anew, as when a file is opened. */
let last: Pushed | undefined;
interface Pushed {
  /** The latent, the SAE's file and the language model's. */
  readonly of: readonly unknown[];
  readonly text: string;
  readonly strength: string;
  readonly result: HTMLElement;
}

/** The part of a latent's panel in which it is pushed; nothing where no language model is here. */
export function pushing(latent: number, largest: number, example: string, one: Opened): Child[] {
  if (!canRead() || one.model.kind === "codes") return [];
  const of = [latent, one.model, theTexts().model];
  const before = last?.of.every((part, i) => part === of[i]) ? last : undefined;
  const result = before?.result ?? make("div", { "aria-live": "polite" });
  const text = make("textarea", { id: "push-text", rows: "2" }, before?.text ?? example);
  const range = { type: "range", min: "-2", max: "6", step: "0.5", value: before?.strength ?? "2" };
  const strength = make("input", { id: "push-strength", ...range });
  const shown = make("output", { for: "push-strength" });
  const amount = () => Number(strength.value) * largest;
  const tell = () => {
    shown.textContent = `${strength.value} times its largest activation (${short(amount())})`;
  };
  strength.addEventListener("input", tell);
  tell();
  const keep = () => {
    last = { of, text: text.value, strength: strength.value, result };
  };
  for (const field of [text, strength]) field.addEventListener("input", keep);
  keep();
  const run = button(
    "Push it",
    () => void attempt("push", () => push(text.value, { latent, strength: amount() }, result, one)),
  );
  return [
    make("h3", {}, "Push it ", make("small", {}, "its decoder row is added to the model's stream at every token")),
    make(
      "div",
      { class: "push" },
      make("label", { for: "push-text" }, "Text"),
      text,
      make("label", { for: "push-strength" }, "Strength"),
      strength,
      shown,
      run,
    ),
    make("p", { class: "said", id: "push-said", role: "status" }),
    result,
  ];
}

async function push(text: string, pushed: Push, result: HTMLElement, one: Opened): Promise<void> {
  const { worker } = one;
  const { ending } = await theReader();
  const { sae, at: place } = await placeOf(one);
  const call = { sae, at: place, text };
  if (ending === "sentence_embedding") {
    const compare = await someTexts();
    const tell = ({ done, of }: { done: number; of: number }) =>
      say("push", `reading text ${done} of ${of} to compare with`);
    const before = await worker.call("readText", { ...call, compare }, tell);
    const after = await worker.call("readText", { ...call, compare, push: pushed }, tell);
    say("push", `compared with ${compare.length.toLocaleString("en")} texts`);
    const list = (title: string, alike: typeof before.alike) =>
      make(
        "div",
        {},
        make("h4", {}, title),
        make(
          "ol",
          {},
          ...(alike ?? []).map((one) =>
            make("li", {}, one.text, " ", make("small", { class: "faint" }, short(one.cosine))),
          ),
        ),
      );
    result.replaceChildren(
      make(
        "div",
        { class: "beside" },
        list("Most like it as it is", before.alike),
        list("Most like it when pushed", after.alike),
      ),
    );
  } else if (ending === "logits") {
    const place = (title: string) => {
      const words = make("p", { class: "words" });
      return { box: make("div", {}, make("h4", {}, title), words), words };
    };
    const [plain, changed] = [place("As it goes on"), place("As it goes on when pushed")];
    result.replaceChildren(make("div", { class: "beside" }, plain.box, changed.box));
    const started = performance.now();
    let tokens = 0;
    for (const [to, more] of [
      [plain, {}],
      [changed, { push: pushed }],
    ] as const)
      await worker.call("generate", { ...call, count: 16, ...more }, ({ text: so }) => {
        to.words.replaceChildren(text, make("b", {}, so));
        say("push", `${++tokens} tokens`);
      });
    say("push", `${tokens} tokens, ${short((1000 * tokens) / (performance.now() - started))} a second`);
  } else
    throw new Error(
      `${theTexts().model!.name}: gives neither sentence_embedding nor logits, by which a push could be seen`,
    );
}

/** Says that sentences can be read, once they can. */
export function startSentences(): void {
  onShelf((what) => {
    if (what !== "texts") return;
    reader = undefined;
    const { model, tokenizer } = theTexts();
    at<HTMLInputElement>("read").placeholder = canRead()
      ? "a sentence, or a row's number"
      : "a row of the data, by number";
    if (model && !tokenizer) say("read", `${model.name} needs its tokenizer.json to read sentences`);
    else if (!model && tokenizer) say("read", `${tokenizer.name} needs its language model (.onnx) to read sentences`);
    else say("read", "");
  });
}
