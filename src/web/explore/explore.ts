import type { FeatureJson, Found, OpenedSae, SaeWorker } from "../../browser.ts";
import { at, button, type Child, make, many, messageOf, say } from "../dom.ts";
import { attempt, onRestart, theWorker } from "../engine.ts";
import { addressOf, go, type Route, replace, routeOf } from "../route.ts";
import {
  allModels,
  bytesOf,
  calledOf,
  type DataSource,
  dataChosen,
  dataFor,
  modelCalled,
  onShelf,
  type SaeSource,
  theData,
  theTexts,
  unembedWithModel,
  whenOpened,
} from "../shelf.ts";
import { drawRows, firstLatent, markOpened, showFound, showList, startList } from "./list.ts";
import { type Links, panelOf, type RowWords } from "./panel.ts";
import { codesOf, type ReadSentence, readSentencesBy, titleOf } from "./read.ts";
import { textView } from "./text.ts";
import { mark } from "./words.ts";

/** The SAE that is open. */
export interface Opened {
  readonly worker: SaeWorker;
  readonly model: SaeSource;
  /** The activations; nothing where they are part of the file. */
  readonly data?: DataSource;
  readonly sae: OpenedSae;
  readonly links: Links;
  readonly words: RowWords;
}

let opened: Opened | undefined;
onRestart(() => {
  opened = undefined;
});

/** An SAE on its way to be opened, and the activations that it reads, once they are chosen. */
interface Opening {
  readonly model: SaeSource;
  data?: DataSource;
  done?: Promise<Opened>;
}

let opening: Opening | undefined;

/** The SAE that somebody wants to see: the last one asked for. */
let wanted: SaeSource | undefined;

/** The SAE that was opened last. */
let last: SaeSource | undefined;

/** The demonstration's first latent: a theme that many words stand for. */
const first = 87;

/** Looks into an SAE, once; the list shows its latents then. */
function look(model: SaeSource): Promise<Opened> {
  wanted = model;
  if (opened?.model === model && (opened.data === undefined || opened.data === dataChosen()))
    return Promise.resolve(opened);
  if (opening?.model === model) return opening.done!;
  const mine: Opening = { model };
  opening = mine;
  mine.done = lookInto(mine).finally(() => {
    if (opening === mine) opening = undefined;
    if (wanted === model) lookAgain(model, mine.data);
  });
  return mine.done;
}

/** Looks anew into an SAE, and the latent or text that is open, where other activations are chosen than it was opened on. */
function lookAgain(model: SaeSource, on: DataSource | undefined): void {
  if (on === undefined || on === dataChosen()) return;
  const route = routeOf(location.hash);
  const stays = (route.of === "latent" || route.of === "text") && modelCalled(route.model!) === model;
  void showRoute(stays ? route : { tab: "explore", model: calledOf(model) });
}

/** Somebody opened another SAE before this one was there: nothing is to be said of this one any more. */
class Overtaken extends Error {}

async function lookInto(mine: Opening): Promise<Opened> {
  const { model } = mine;
  if (model.kind === "evaluator")
    throw new Error(`${model.name}: is an evaluator, which gives no latents; open the autoencoder beside it`);
  const called = calledOf(model);
  const stillWanted = () => {
    if (wanted !== model) throw new Overtaken(`${called}: another SAE was opened meanwhile`);
  };
  say("explore", `reading ${called} …`);
  const worker = await theWorker();
  const file = await bytesOf(model);
  const before = opened;
  let made: Omit<Opened, "links">;
  let about: string;
  if (model.kind === "codes") {
    const sae = await worker.call("exploreCodes", file);
    made = { worker, model, sae, words: { one: "token", splits: false } };
    about = `${sae.about.about}; shown on ${many(sae.rows, "token")} of ${many(sae.texts ?? 0, "text")} (${sae.about.source}).`;
  } else {
    const { width } = await worker.call("recognise", { name: file.name, file: file.bytes });
    stillWanted();
    // Activations that somebody chose while it was open stay chosen, whether they fit or not.
    const data = await (last === model ? theData() : dataFor(width));
    stillWanted();
    last = model;
    mine.data = data.source;
    const { tokenizer: source } = theTexts();
    const tokenizer = source && (await bytesOf(source));
    const sae = await worker.call("explore", { data: data.id, model: file, tokenizer }, ({ done, of }) => {
      if (wanted !== model) return;
      say("explore", `${called}: encoding row ${done.toLocaleString("en")} of ${of.toLocaleString("en")}`);
    });
    const one = sae.texts === null ? "row" : "token";
    made = { worker, model, data: data.source, sae, words: { one, splits: data.info.validation_rows > 0 } };
    const alive = sae.list.frequency.filter((share) => share > 0).length;
    about = `${called} on ${data.source.name}: ${alive.toLocaleString("en")} of ${sae.latentDim.toLocaleString("en")} latents fire in ${many(sae.rows, one)}.`;
  }
  if (wanted !== model) void worker.call("close", { explorer: made.sae.id });
  stillWanted();
  say("explore", about);
  if (before?.worker === worker) await worker.call("close", { explorer: before.sae.id });
  const links: Links = {
    latent: (latent) => addressOf(calledOf(model), "latent", latent),
    row: (row) => addressOf(calledOf(model), "row", row),
  };
  opened = { ...made, links };
  at<HTMLSelectElement>("model").value = model.name;
  const { sae } = made;
  at<HTMLInputElement>("words").value = "";
  mark("");
  showList({
    ...sae,
    snippets: (latents) => worker.call("snippets", { explorer: sae.id, latents }),
    addressOf: links.latent,
  });
  await attempt("unembedding", unembed);
  return opened;
}

/** Has the worker say which tokens latents promote, where somebody gave what tells that. */
async function unembed(): Promise<void> {
  const { unembedding, tokenizer } = theTexts();
  if (!unembedding || !opened) return;
  const { worker, model, sae } = opened;
  const { name } = unembedding;
  if (model.kind === "codes" && name.endsWith(".onnx"))
    return say("unembedding", `${name} tells nothing of the demonstration, which has no weights here`);
  const own = tokenizer && (await bytesOf(tokenizer));
  await worker.call("unembed", { explorer: sae.id, file: await bytesOf(unembedding), tokenizer: own });
  say("unembedding", `The panel of each latent of ${calledOf(model)} now says which tokens it promotes, by ${name}.`);
}

/** How to see which tokens a latent promotes, where that is not known. */
function withoutTokens({ promoted, dead }: FeatureJson, { model }: Opened): Child[] {
  if (promoted || dead || model.kind === "codes") return [];
  const { model: texts } = theTexts();
  return [
    make("h3", {}, "Tokens it promotes"),
    make(
      "p",
      { class: "caption" },
      "Open the unembedding of the language model (a matrix [vocabulary, width] called lm_head or unembedding) with its tokenizer.json, or the latents.jsonl that sae-onnx features wrote. ",
      ...(texts ? [button(`Take it from ${texts.name}`, unembedWithModel)] : []),
    ),
  ];
}

/** The SAE that is open, looked into again where its worker was given up or other activations are chosen since. */
export async function theOpened(): Promise<Opened> {
  const model = opened?.model ?? modelCalled(at<HTMLSelectElement>("model").value);
  if (!model) throw new Error("no SAE is open");
  return look(model);
}

/** Activations are chosen for SAEs and trainings; what came with codes has its own. */
function showData({ tab }: Route): void {
  at("data").closest("p")!.hidden = tab === "explore" && at<HTMLSelectElement>("model").value === "demo";
}

/** Shows what an address asks for. */
export async function showRoute(route: Route): Promise<void> {
  showData(route);
  if (route.tab !== "explore") return;
  if (route.model === undefined) {
    if (opened) replace(addressOf(calledOf(opened.model)));
    else return showRoute({ tab: "explore", model: "demo", of: "latent", number: first });
  }
  const called = route.model ?? calledOf(opened!.model);
  const model = modelCalled(called);
  await attempt("explore", async () => {
    if (!model) {
      const known = allModels().map(calledOf).join(", ");
      throw new Error(`there is no SAE ${called} here; open its file above, or one of ${known}`);
    }
    const one = await look(model).catch((error) => {
      if (!(error instanceof Overtaken)) throw error;
    });
    if (!one) return;
    showData(route);
    await showPart(one, route);
  });
}

/** Words that were said beside the panel are kept while it is filled. */
async function showPart(one: Opened, { of, number, text: written = "" }: Route): Promise<void> {
  const panel = at("panel");
  const explorer = at("explorer");
  explorer.classList.toggle("opened", of !== undefined);
  markOpened(of === "latent" ? number : undefined);
  if (of === undefined) {
    const top = firstLatent();
    panel.replaceChildren();
    if (top !== undefined && matchMedia("(min-width: 821px)").matches)
      await showPart(one, { tab: "explore", of: "latent", number: top });
    return;
  }
  try {
    const { worker, sae, links, words } = one;
    if (of === "latent") {
      const feature = await worker.call("latent", { explorer: sae.id, latent: number! });
      const largest = Math.max(feature.positive.largest ?? 0, feature.negative.largest ?? 0);
      const text = feature.top[0]?.tokens?.join("").trim() ?? feature.top[0]?.text ?? "";
      const pushing = beside(number!, largest, text, one);
      panel.replaceChildren(...panelOf(feature, links, words, pushing), ...withoutTokens(feature, one));
    } else {
      const title = of === "row" ? `Row ${number}` : titleOf(written);
      const codes =
        of === "row" ? await worker.call("row", { explorer: sae.id, row: number! }) : await codesOf(written, one);
      panel.replaceChildren(
        ...textView(title, codes, links, (latents) => worker.call("snippets", { explorer: sae.id, latents })),
      );
    }
  } catch (error) {
    panel.replaceChildren();
    explorer.classList.remove("opened");
    throw error;
  }
  focusPanel();
}

/** Whether anything was opened by somebody: the first latent comes by itself, and takes no focus. */
let asked = false;

/** Brings what was opened into view and to the reader; not where somebody writes, goes through the list, or is elsewhere on the page. */
function focusPanel(): void {
  const heading = at("panel").querySelector("h2");
  if (!heading || at("explore").hidden) return;
  const now = document.activeElement;
  const elsewhere = now !== null && now !== document.body && !at("explore").contains(now);
  const busy = now === at("words") || now === at("list") || elsewhere;
  if (asked && !busy) heading.focus({ preventScroll: true });
  asked = true;
  if (heading.getBoundingClientRect().top < 0 || heading.getBoundingClientRect().top > innerHeight * 0.8)
    heading.scrollIntoView();
}

/** Finds latents by words of their texts or by number, and opens the first. */
async function find(words: string, openFirst: boolean): Promise<void> {
  const one = await theOpened();
  mark(words);
  if (words === "") return showFound(undefined);
  const number = /^#?(\d+)$/.exec(words)?.[1];
  const exact = number !== undefined && Number(number) < one.sae.latentDim ? Number(number) : undefined;
  if (words.startsWith("#") || !one.sae.labelled) {
    if (exact === undefined)
      throw new Error(
        number === undefined
          ? "these activations have no texts to search; open their .labels.jsonl, or write a latent's number"
          : `there is no latent ${number}; they are numbered 0 to ${one.sae.latentDim - 1}`,
      );
    showFound([], exact);
  } else {
    const found = await one.worker.call("search", { explorer: one.sae.id, words });
    if (found.length === 0 && exact === undefined) {
      showFound([]);
      throw new Error(`no latent fires in texts with “${words}”; try one word, or fewer letters`);
    }
    showFound(found, exact);
    at("count").textContent =
      found.length === 0
        ? `latent ${exact}; no text has “${words}”`
        : `${foundIn(found, words)}, the most specific first`;
  }
  const top = firstLatent();
  if (openFirst && top !== undefined) go(one.links.latent(top));
}

/** How many latents were found, and where they fire. */
function foundIn(found: readonly Found[], words: string): string {
  const atWords = found.filter(({ of }) => of === "tokens").length;
  const others = (found.length - atWords).toLocaleString("en");
  if (atWords === 0) return `${others} latents fire in texts with “${words}”`;
  const more = found.length > atWords ? `, ${others} elsewhere in such texts` : "";
  return `${atWords.toLocaleString("en")} latents fire at “${words}”${more}`;
}

async function findSaying(words: string, openFirst: boolean): Promise<void> {
  try {
    await find(words, openFirst);
  } catch (error) {
    at("count").textContent = messageOf(error);
  }
}

/** Goes to what is written: a row by its number, a row's numbers, or a sentence. What cannot be read is said, and nothing else changes. */
async function read(text: string): Promise<void> {
  const one = await theOpened();
  const known = `rows are numbered 0 to ${one.sae.rows - 1}`;
  if (text === "") throw new Error(`write ${at<HTMLInputElement>("read").placeholder}; ${known}`);
  const number = /^(?:row )?#?(-?\d+(?:\.\d*)?)$/i.exec(text)?.[1];
  if (number === undefined) {
    await codesOf(text, one);
    return go(addressOf(calledOf(one.model), "text", text));
  }
  const row = Number(number);
  if (!Number.isInteger(row) || row < 0 || row >= one.sae.rows) throw new Error(`there is no row ${number}; ${known}`);
  go(one.links.row(row));
}

/** What a latent's panel has besides, where a language model is here. */
let beside: (latent: number, largest: number, example: string, one: Opened) => readonly Child[] = () => [];

/** The Explore tab. `reading` reads a sentence; `pushing` is the part of a panel that pushes its latent. */
export function startExplore(reading: ReadSentence, pushing: typeof beside): void {
  beside = pushing;
  readSentencesBy(reading);
  startList(
    (latent) => opened && go(opened.links.latent(latent)),
    () => {
      const words = at<HTMLInputElement>("words");
      if (at("explorer").classList.contains("opened") && matchMedia("(max-width: 820px)").matches) back();
      else if (words.value) {
        words.value = "";
        mark("");
        showFound(undefined);
      }
    },
  );
  let typing: ReturnType<typeof setTimeout> | undefined;
  const words = at<HTMLInputElement>("words");
  words.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => void findSaying(words.value.trim(), false), 200);
  });
  at("find").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    void findSaying(words.value.trim(), true);
  });
  at("read-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void attempt("read", () => read(at<HTMLInputElement>("read").value.trim()));
  });
  at("panel").addEventListener("click", (event) => {
    if (!(event.target as HTMLElement).closest("[data-back]")) return;
    event.preventDefault();
    back();
  });
  at("panel").addEventListener("keydown", (event) => {
    if (event.key === "Escape") back();
  });
  whenOpened((model) => go(addressOf(calledOf(model))));
  onShelf((what) => {
    if ((what === "unembedding" || what === "texts") && theTexts().unembedding)
      void attempt("unembedding", unembed).then(() => showRoute(routeOf(location.hash)));
    // An SAE on its way takes what is chosen when it comes to that, and looks by itself whether it is still chosen.
    if (what === "data" && opened && opening?.model !== wanted) lookAgain(opened.model, opened.data);
  });
}

/** From what is open to the list. */
function back(): void {
  at("explorer").classList.remove("opened");
  drawRows();
  at("list").focus();
}
