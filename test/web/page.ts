import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { BrowserContext, Page } from "playwright-core";
import { startSaeOnnx } from "../cli/run.ts";

export const embedded = "examples/data/use-lite-resid0-pos3.safetensors";

/** A server and the address it answers at. */
export interface Served {
  readonly url: string;
  readonly process: ChildProcess;
}

/** `sae-onnx serve`, on a free port. */
export async function serve(models: string, ...flags: string[]): Promise<Served> {
  const process = startSaeOnnx("serve", "--models", models, "--data", embedded, "--port", "0", ...flags);
  const [first] = (await once(process.stdout, "data")) as [Buffer];
  return { url: first.toString().trim(), process };
}

/** A folder behind Python's plain web server: no headers of isolation. */
export async function servePlainly(folder: string): Promise<Served> {
  const process = spawn("python3", ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder]);
  const [first] = (await once(process.stdout, "data")) as [Buffer];
  return { url: /http:\/\/[\d.:]+/.exec(first.toString())![0], process };
}

/** The page, opened and with its first result; and every address it asked for. */
export async function openPage(context: BrowserContext, url: string): Promise<{ page: Page; requests: string[] }> {
  const page = await context.newPage();
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  await page.locator("#panel h2").waitFor();
  return { page, requests };
}

/** Gives the page files, as somebody who chooses them. */
export const give = (page: Page, ...files: readonly (string | NamedFile)[]): Promise<void> =>
  page.setInputFiles("#file", files as never);

/** A file by its name and content. */
export interface NamedFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}
export const file = (name: string, bytes: Uint8Array | string): NamedFile => ({
  name,
  mimeType: "application/octet-stream",
  buffer: Buffer.from(bytes as Uint8Array),
});

/** What the page says of a file that it was given. */
export async function recognised(page: Page, name: string): Promise<string> {
  const line = page
    .locator("#recognised li")
    .filter({ hasText: name })
    .filter({ hasText: new RegExp(`${name} .`) });
  await line.waitFor();
  return (await line.textContent())!;
}

/** Writes into the training form. */
export async function fill(page: Page, values: Readonly<Record<string, number>>): Promise<void> {
  await page.locator("#train-k, #train-lambda").first().waitFor();
  for (const [id, value] of Object.entries(values)) await page.fill(`#train-${id}`, String(value));
}

/** Chooses architecture and preset. */
export async function choose(page: Page, architecture: string, preset: string): Promise<void> {
  await page.locator("#train-architecture").waitFor();
  await page.selectOption("#train-architecture", architecture);
  await page.selectOption("#train-preset", preset);
}

/** What the page says beside something, once it says that. */
export async function said(page: Page, id: string, wanted: RegExp, seconds = 50): Promise<string> {
  const place = page.locator(`#${id}-said`);
  await place
    .filter({ hasText: wanted })
    .waitFor({ state: "attached", timeout: seconds * 1000 })
    .catch(async (error) => {
      throw new Error(`waited for ${wanted} beside ${id}, it says: ${await place.textContent()}`, { cause: error });
    });
  return (await place.textContent())!;
}

/** The rows of the Evaluate tab, of the SAEs that are chosen there or named. */
export async function evaluateInTab(page: Page, names?: readonly string[]): Promise<Row[]> {
  await page.click("#tab-evaluate");
  if (names)
    for (const box of await page.locator("#evaluate-models input:enabled").all())
      await box.setChecked(names.includes((await box.getAttribute("value"))!));
  await page.click("#evaluate-run");
  await said(page, "evaluate", /measured on/);
  return JSON.parse((await page.locator("#evaluate-result").getAttribute("data-rows"))!) as Row[];
}

/** A row as the page holds it. */
export interface Row {
  readonly name: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly loss: readonly number[];
}
