/** @file How an SAE of a sweep is known to be complete: a file `NAME.files.json`, written last, with the digest of every other one. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../data/files.node.ts";
import { flatRecord, readRecord } from "../../record/flat.ts";
import { parseJson } from "../../record/json.ts";
import type { SaeRecord } from "../../record/record.ts";
import { readIfThere } from "../existing.node.ts";

/** The end of a seal's file name. */
export const sealSuffix = ".files.json";
const sealPath = (out: string, name: string): string => join(out, `${name}${sealSuffix}`);

/** What belongs to an SAE, behind its name. */
const own = /^\.((encoder|autoencoder)\.(onnx|onnx\.data|parity\.safetensors)|latents\.json|(state\.)?safetensors)$/;

const schema = z.object({
  version: z.literal(1),
  files: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
  record: z.record(z.string(), z.unknown()),
});

/** Whether an SAE is complete: its record; or what is wrong with its files, nothing where it was never finished. */
export type Seal = { readonly record: SaeRecord } | { readonly wrong: string | undefined };

/** Says that an SAE is complete: the digests of its files as they are on the disk, and its record. */
export async function seal(out: string, name: string, record: SaeRecord): Promise<void> {
  const names = (await readdir(out)).filter((one) => one.startsWith(name) && own.test(one.slice(name.length))).sort();
  const files: Record<string, string> = {};
  for (const one of names) files[one] = await digestOf(join(out, one));
  await writeWhole(
    sealPath(out, name),
    `${JSON.stringify({ version: 1, files, record: flatRecord(record) }, null, 1)}\n`,
  );
}

/** Reads every file of an SAE again and compares it with the seal. */
export async function checkSeal(out: string, name: string): Promise<Seal> {
  const path = sealPath(out, name);
  const bytes = await readIfThere(path);
  if (!bytes) return { wrong: undefined };
  try {
    const { files, record } = schema.parse(parseJson(new TextDecoder().decode(bytes), path));
    for (const [one, digest] of Object.entries(files)) {
      const found = await digestOf(join(out, one)).catch(() => "missing");
      if (found !== digest)
        return { wrong: `${one}: ${found === "missing" ? "cannot be read" : "has another digest"}` };
    }
    return { record: readRecord(record, path) };
  } catch {
    return { wrong: `${name}${sealSuffix}: is damaged` };
  }
}

/** Writes the digest of a file beside it, as `sha256sum` does. */
export async function sealFile(path: string): Promise<void> {
  await writeWhole(`${path}.sha256`, `${await digestOf(path)}  ${basename(path)}\n`);
}

/** Whether a file has the digest that is written beside it. */
export async function isSealedFile(path: string): Promise<boolean> {
  const said = await readIfThere(`${path}.sha256`);
  const digest = await digestOf(path).catch(() => undefined);
  return said !== undefined && new TextDecoder().decode(said) === `${digest}  ${basename(path)}\n`;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(part);
  return hash.digest("hex");
}
