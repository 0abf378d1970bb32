import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why there is no browser to test in; empty where there is one. */
export const noChromium = existsSync(executablePath)
  ? ""
  : `no ${executablePath}: apt-get install chromium, or name another in CHROMIUM`;

/** Text is drawn alike on every machine: no hinting, no colour fringes; and the browser asks nobody for anything by itself. */
const args = [
  ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--font-render-hinting=none"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
];

/** What makes Chromium compute WebGPU on the processor, by SwiftShader. */
export const swiftShader = [
  ...args.filter((flag) => flag !== "--disable-gpu"),
  ...["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
];

/** Chromium with a fresh profile; every page notes when its first frame after loading was drawn. */
export async function startChromium(flags: readonly string[] = args): Promise<BrowserContext> {
  const profile = mkdtempSync(join(tmpdir(), "sae-onnx-chromium-"));
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: [...flags] });
  await context.addInitScript(() => {
    addEventListener("load", () =>
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          document.documentElement.dataset.drawn = String(performance.now());
        }),
      ),
    );
  });
  return context;
}

/** How a page is looked at. */
export interface Look {
  /** Of the window, in pixels. */
  readonly width: number;
  readonly scheme: "light" | "dark";
}

/** A page opened from disk, what it asked for besides itself, and milliseconds until it was drawn. */
export interface Opened {
  readonly page: Page;
  readonly requests: readonly string[];
  readonly drawn: number;
}

/** Opens a document's text as a file; the caller closes the page. */
export async function open(context: BrowserContext, html: string, { width, scheme }: Look): Promise<Opened> {
  const file = join(mkdtempSync(join(tmpdir(), "sae-onnx-page-")), "index.html");
  writeFileSync(file, html);
  const url = pathToFileURL(file).href;
  const page = await context.newPage();
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme: scheme });
  const requests: string[] = [];
  page.on("request", (request) => {
    if (request.url() !== url) requests.push(request.url());
  });
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset.drawn);
  const drawn = Number(await page.evaluate(() => document.documentElement.dataset.drawn));
  await page.addStyleTag({ content: packagedFont() });
  await page.evaluate(() =>
    Promise.all(["16px", "bold 16px"].map((size) => document.fonts.load(`${size} "Helvetica Neue"`))),
  );
  return { page, requests, drawn };
}

/** The package's font in the place of whatever this machine has; machines without any are tested too. */
export function packagedFont(): string {
  const { resolve } = createRequire(import.meta.url);
  const faces = [
    [400, "400Regular/Arimo_400Regular.ttf"],
    [700, "700Bold/Arimo_700Bold.ttf"],
  ].map(([weight, file]) => {
    const bytes = readFileSync(resolve(`@expo-google-fonts/arimo/${file}`)).toString("base64");
    return `@font-face { font-family: "Helvetica Neue"; font-weight: ${weight}; src: url(data:font/ttf;base64,${bytes}); }`;
  });
  return `${faces.join("\n")}\ncode, pre { font-family: "Helvetica Neue" !important; }`;
}
