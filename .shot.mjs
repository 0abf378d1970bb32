import { chromium } from "playwright-core";
import { mkdtempSync } from "node:fs";
const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--font-render-hinting=none", "--disable-background-networking", "--no-first-run"];
const base = process.env.URL ?? "http://127.0.0.1:8931/";
const context = await chromium.launchPersistentContext(mkdtempSync("/tmp/pw-"), { executablePath: "/usr/bin/chromium", args });
export const script = await import(process.argv[2]);
await script.default(context, base);
await context.close();
