import type { Example, TextCodes } from "../../browser.ts";
import { type Child, make, many, short } from "../dom.ts";
import type { Links } from "./panel.ts";
import { shade, unshade } from "./words.ts";

type Snippets = (latents: readonly number[]) => Promise<readonly (Example | null)[]>;

/** A text whose tokens can be gone through, with the latents of the chosen one beside it. */
export function textView(
  title: string,
  { tokens, text, label, at, active, error }: TextCodes & { readonly error?: number | null },
  links: Links,
  snippets: Snippets,
): Child[] {
  const heading = make("h2", { tabindex: "-1" }, title);
  const back = make("p", { class: "back" }, make("a", { href: "#", "data-back": "" }, "← all latents"));
  const beside = make("div", { class: "active", "aria-live": "polite" });
  const largest = Math.max(...active.flatMap((one) => (one ?? []).map(({ value }) => Math.abs(value))), 1e-30);

  const spans: HTMLElement[] = [];

  /** Shades every token by one latent. */
  function paint(latent: number | undefined): void {
    const values = active.map((one) => one?.find((other) => other.latent === latent)?.value ?? 0);
    const most = Math.max(...values.map(Math.abs));
    for (const [i, span] of spans.entries()) {
      unshade(span);
      shade(span, values[i]!, most);
    }
    shadedBy.textContent = spans.length === 0 || latent === undefined ? "" : `Shaded by latent ${latent}.`;
  }
  const shadedBy = make("p", { class: "caption" });

  async function show(token: number): Promise<void> {
    const own = active[tokens ? token : 0];
    const name = tokens ? `“${tokens[token]!.trim() || tokens[token]}”` : "this row";
    if (!own) {
      beside.replaceChildren(make("p", {}, `No row of the activations is the token ${name}.`));
      return;
    }
    const lines = own.map(({ latent, value }) => {
      const bar = make("i", { class: value < 0 ? "meter below" : "meter" });
      // What is left of the line is the number's.
      bar.style.width = `calc((100% - 60px) * ${Math.abs(value) / largest})`;
      const line = make(
        "li",
        {},
        make("a", { href: links.latent(latent) }, `${latent}`),
        make("span", {}, bar, short(value)),
        make("small", {}, "…"),
      );
      for (const event of ["focusin", "pointerenter"]) line.addEventListener(event, () => paint(latent));
      return line;
    });
    paint(own[0]?.latent);
    beside.replaceChildren(
      make("h3", {}, `${many(own.length, "latent")} at ${name}`),
      make("ol", { class: "latents" }, ...lines),
    );
    const words = await snippets(own.map(({ latent }) => latent)).catch(() => []);
    for (const [i, line] of lines.entries()) line.querySelector("small")!.replaceChildren(...snippetOf(words[i]));
  }

  const words = make("p", { class: "words big" });
  if (tokens) {
    words.setAttribute("role", "radiogroup");
    words.setAttribute("aria-label", "Tokens; arrows choose one");
    const buttons = tokens.map((token, i) => {
      const one = make(
        "span",
        { role: "radio", tabindex: i === at ? "0" : "-1", "aria-checked": String(i === at) },
        token,
      );
      if (!active[i]) one.classList.add("unknown");
      one.title = active[i] ? many(active[i].length, "latent") : "no row is this token";
      spans.push(one);
      return one;
    });
    const choose = (i: number, focus: boolean) => {
      for (const [other, one] of buttons.entries()) {
        one.setAttribute("aria-checked", String(other === i));
        one.tabIndex = other === i ? 0 : -1;
      }
      if (focus) buttons[i]!.focus();
      void show(i);
    };
    for (const [i, one] of buttons.entries()) {
      one.addEventListener("click", () => choose(i, false));
      one.addEventListener("keydown", (event) => {
        const to = {
          ArrowRight: i + 1,
          ArrowDown: i + 1,
          ArrowLeft: i - 1,
          ArrowUp: i - 1,
          Home: 0,
          End: tokens.length - 1,
        }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        choose((to + tokens.length) % tokens.length, true);
      });
    }
    words.append(...buttons);
  } else words.append(text ?? "No text is known of this row.");
  void show(at);
  const known = Object.entries(label ?? {}).filter(([name]) => !["text", "tokens"].includes(name));
  const facts = [
    ...known.map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`),
    ...(typeof error === "number" ? [`reconstruction error (mean square) ${short(error)}`] : []),
  ];
  return [
    back,
    heading,
    words,
    shadedBy,
    ...(facts.length > 0 ? [make("p", { class: "caption" }, facts.join(", "))] : []),
    beside,
  ];
}

function snippetOf(example: Example | null | undefined): Child[] {
  if (!example) return [];
  const { tokens, at = 0, text } = example;
  if (!tokens) return [text ?? ""];
  return [tokens.slice(0, at).join(""), make("b", {}, tokens[at] ?? ""), tokens.slice(at + 1).join("")];
}
