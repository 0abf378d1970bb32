import { at, button, make, many, say, short } from "../dom.ts";
import { attempt, theWorker } from "../engine.ts";
import { canRead, someTexts, theReader } from "../explore/sentence.ts";
import { addData, dataName, onShelf, theData, theTexts } from "../shelf.ts";

/** Where activations are made of texts, once a language model with its tokenizer is here. */
export function startHarvest(): void {
  const show = () => void attempt("harvest", offer);
  onShelf((what) => {
    if (what === "texts") show();
  });
  if (canRead()) show();
}

/** The language model whose places are offered. */
let offered: unknown;

async function offer(): Promise<void> {
  const place = at("harvest");
  place.hidden = !canRead();
  if (!canRead() || offered === theTexts().model) return;
  offered = theTexts().model;
  place.querySelector(".row")?.remove();
  const where = make("select", { id: "harvest-at" });
  const count = make("input", { id: "harvest-count", type: "number", min: "1", value: "400" });
  const { model } = theTexts();
  place.prepend(
    make(
      "div",
      { class: "row" },
      make("label", { for: "harvest-at" }, `Activations of ${model!.name}`, where),
      make("label", { for: "harvest-count" }, "Texts of the chosen set", count),
      button("Read them", () => void attempt("harvest", () => harvest(where.value, Number(count.value)))),
    ),
  );
  const { places } = await theReader();
  where.replaceChildren(
    ...places.map(({ name, width }) => make("option", { value: name }, `${name} (${width ?? "?"} wide)`)),
  );
}

/** Makes activations of every token of some texts, and chooses them. */
async function harvest(place: string, count: number): Promise<void> {
  await theReader();
  const texts = await someTexts(count);
  const source = dataName().replace(/\.[^.]+$/, "");
  const worker = await theWorker();
  const started = performance.now();
  const { file, labels } = await worker.call("harvest", { at: place, texts }, ({ done, of }) =>
    say("harvest", `reading text ${done} of ${of}`),
  );
  const name = `${theTexts().model!.name.replace(/\.onnx$/, "")}-${place}-${source}.safetensors`;
  addData({ name, load: async () => new Blob([file as BlobPart]), labels: async () => labels }, true);
  const { rows } = await theData();
  say(
    "harvest",
    `${many(rows, "token")} of ${many(texts.length, "text")} in ${short(Math.round((performance.now() - started) / 100) / 10)} s; they are chosen, and can be trained on`,
  );
}
