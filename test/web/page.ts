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

/** The page, opened and with its activations read; and every address it asked for. */
export async function openPage(context: BrowserContext, url: string): Promise<{ page: Page; requests: string[] }> {
  const page = await context.newPage();
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  await said(page, "data", /^7473 rows/);
  return { page, requests };
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

/** The rows of the Evaluate tab. */
export async function evaluateInTab(page: Page): Promise<Row[]> {
  await page.click("#tab-evaluate");
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
