import { readBytes } from "../data/files.node.ts";
import { quote } from "../data/quote.ts";
import { readVectors, type VerificationVectors } from "../data/vectors.ts";
import { vectorsClaim } from "../evaluate/verify/claim.ts";
import { type Replay, replay } from "../evaluate/verify/replay.ts";
import { readModel, vectorsPath } from "../export/files.node.ts";
import type { Model } from "../onnx/proto.ts";
import { type ProviderName, providers } from "../runtime/providers.node.ts";
import type { Runtime } from "../runtime/session.ts";
import { digest } from "../util/digest.ts";
import { ConfigError } from "../util/errors.ts";

/** What came of a model on every provider. */
export interface Verified {
  readonly file: string;
  readonly replays: readonly ({ readonly provider: ProviderName } & Replay)[];
  /** Whether at least one provider loaded it, and none that did was out of bounds. */
  readonly ok: boolean;
}

/** A provider as this needs it; one without `usable` is tried by loading it. */
interface Candidate {
  readonly load: () => Promise<Runtime>;
  readonly usable?: () => Promise<{ readonly usable: boolean; readonly reason?: string }>;
}

/** Every provider that can be used here, loaded, and why the others cannot. */
export async function usableRuntimes() {
  const runtimes: { readonly provider: ProviderName; readonly runtime: Runtime }[] = [];
  const missing: { readonly provider: ProviderName; readonly reason: string }[] = [];
  for (const [name, one] of Object.entries<Candidate>(providers)) {
    const provider = name as ProviderName;
    try {
      const probe = (await one.usable?.()) ?? { usable: true };
      if (probe.usable) runtimes.push({ provider, runtime: await one.load() });
      else missing.push({ provider, reason: probe.reason ?? "not usable here" });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      missing.push({ provider, reason: error.message });
    }
  }
  return { runtimes, missing };
}

type Runtimes = Awaited<ReturnType<typeof usableRuntimes>>["runtimes"];

/** Replays a model on its vectors on each of the runtimes. */
export async function verifyModel(
  runtimes: Runtimes,
  model: Model,
  vectors: VerificationVectors,
  file: string,
): Promise<Verified> {
  const replays: Verified["replays"][number][] = [];
  for (const { provider, runtime } of runtimes)
    try {
      replays.push({ provider, ...(await replay(runtime, model, vectors)) });
    } catch (error) {
      if (error instanceof ConfigError) throw new ConfigError(`${file}: ${error.message}`);
      throw error;
    }
  const compared = replays.flatMap((one) => (one.state === "compared" ? [one.differences.ok] : []));
  return { file, replays, ok: compared.length > 0 && compared.every(Boolean) };
}

/**
 * Reads frozen models with their verification vectors and replays them. All are read and checked before the first is run.
 * @throws {ConfigError} when a model is none of ours, or its vectors are missing, damaged or another model's.
 */
export async function verifyFiles(runtimes: Runtimes, files: readonly string[]): Promise<Verified[]> {
  const read = [];
  for (const file of files) {
    const model = await readModel(file);
    read.push({ file, model, vectors: await vectorsOf(model, file) });
  }
  const verified = [];
  for (const { file, model, vectors } of read) verified.push(await verifyModel(runtimes, model, vectors, file));
  return verified;
}

async function vectorsOf(model: Model, file: string): Promise<VerificationVectors> {
  const claimed = vectorsClaim(model, file);
  const path = vectorsPath(file);
  const bytes = await readBytes(path).catch((error) => {
    if ((error.cause as { code?: string } | undefined)?.code !== "ENOENT") throw error;
    throw new ConfigError(
      `${file}: its verification vectors ${path} are missing; put them beside it, or export it again`,
    );
  });
  const found = await digest(bytes);
  if (found !== claimed)
    throw new ConfigError(
      `${path}: digest ${quote(found.slice(0, 12))}, ${file} names ${quote(claimed.slice(0, 12))}: damaged, or of another model; export the model again`,
    );
  return readVectors(bytes, path);
}
