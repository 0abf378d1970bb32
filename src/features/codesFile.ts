import { float32ToHalf } from "../data/half.ts";
import { readSafetensors, toFloat32, toTensor, writeSafetensors } from "../data/safetensors.ts";
import { ConfigError } from "../util/errors.ts";
import { tensor } from "../util/tensor.ts";
import { type Codes, inMemory } from "./codes.ts";
import { type TokenRows, tokenRows } from "./tokenRows.ts";

/** What is said of codes that were computed beforehand. */
export interface CodesAbout {
  readonly name: string;
  /** One sentence: which SAE, on what. */
  readonly about: string;
  /** Where the texts come from. */
  readonly source: string;
}

/** Codes of every token of some texts: small enough to lie beside a page, which then shows an SAE without its weights. */
export async function codesFile(
  codes: Codes,
  texts: readonly (readonly string[])[],
  about: CodesAbout,
): Promise<Uint8Array<ArrayBuffer>> {
  const [starts, latents, values]: [number[], number[], number[]] = [[0], [], []];
  for await (const chunk of codes.store.all()) {
    for (const end of chunk.starts.subarray(1)) starts.push(latents.length + end);
    for (const latent of chunk.latents) latents.push(latent);
    for (const value of chunk.values) values.push(value);
  }
  return writeSafetensors(
    {
      starts: tensor("int32", [starts.length], Int32Array.from(starts)),
      latents: tensor("int32", [latents.length], Int32Array.from(latents)),
      values: tensor("float16", [values.length], float32ToHalf(Float32Array.from(values))),
    },
    { ...about, latent_dim: String(codes.latentDim), texts: JSON.stringify(texts) },
  );
}

/** The same read again. @throws {ConfigError} when the file is none, or its parts do not fit together. */
export async function readCodesFile(
  bytes: Uint8Array,
  file: string,
): Promise<{ readonly codes: Codes; readonly rows: TokenRows; readonly about: CodesAbout }> {
  const { tensors, metadata } = readSafetensors(bytes, file);
  const [starts, latents, values] = ["starts", "latents", "values"].map((name) => tensors.get(name));
  const { name, about, source, latent_dim, texts } = metadata;
  const broken = new ConfigError(`${file}: is no file of codes, or damaged; get it again`);
  if (!starts || !latents || !values || !name || !about || !source || !texts) throw broken;
  const ends = Uint32Array.from(toTensor(starts).data as Int32Array);
  const own = Uint16Array.from(toTensor(latents).data as Int32Array);
  const rows = tokenRows(textsIn(texts) ?? fail(broken));
  const latentDim = Number(latent_dim);
  const size = toFloat32(values).data;
  const fits = rows.facts.rows === ends.length - 1 && ends.at(-1) === own.length && own.length === size.length;
  if (!fits || own.some((latent) => latent >= latentDim)) throw broken;
  const fired = new Uint32Array(latentDim);
  for (const latent of own) fired[latent]! += 1;
  const store = inMemory();
  await store.put({ first: 0, starts: ends, latents: own, values: size });
  return { codes: { rows: ends.length - 1, latentDim, fired, pairs: 0, store }, rows, about: { name, about, source } };
}

function fail(error: Error): never {
  throw error;
}

function textsIn(json: string): string[][] | undefined {
  const read: unknown = JSON.parse(json);
  const isText = (one: unknown) => Array.isArray(one) && one.every((token) => typeof token === "string");
  return Array.isArray(read) && read.every(isText) ? read : undefined;
}
