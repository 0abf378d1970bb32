import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { create } from "tar";
import { writeWhole } from "../../data/files.node.ts";
import { makeFolder } from "../../data/replace.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { writeError } from "../../util/fileErrors.ts";
import { isNeeded, neededPackages } from "./packages.ts";

/** What goes into an archive besides the package and what it needs. */
export interface BundleContents {
  /** Folder of this package. */
  readonly root: string;
  readonly node: string;
  readonly provider: "cpu" | "cuda";
  /** Shared libraries, by path. */
  readonly libraries: readonly string[];
}

/** A file of the archive, whole or a part. */
export interface Part {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Starts the program with the Node and the libraries that lie beside it, from wherever it was unpacked. */
const launcher = `#!/bin/sh
# The folder this file lies in, also through a link.
self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=\${self%/*}/$link ;; esac
done
case $self in */*) here=\${self%/*} ;; *) here=. ;; esac
LD_LIBRARY_PATH="$here/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH
exec "$here/bin/node" "$here/app/dist/cli/main.js" "$@"
`;

/** The folder in the archive. */
const top = "sae-onnx";

/**
 * Writes everything that the program needs into a .tar.gz, in one file or in parts `FILE.000`, `FILE.001`, ..., and `FILE.sha256` with
 * their digests as `sha256sum` writes them. The same contents give the same bytes.
 * @throws {ConfigError} when something is missing, or cannot be written; then nothing is there.
 */
export async function writeBundle(
  out: string,
  partSize: number | undefined,
  contents: BundleContents,
): Promise<readonly Part[]> {
  await makeFolder(dirname(out)).catch((error) => {
    throw writeError(out, error);
  });
  const work = await mkdtemp(join(dirname(out), ".sae-onnx-bundle-")).catch((error) => {
    throw writeError(out, error);
  });
  try {
    await fill(join(work, top), contents);
    const parts = await pack(work, basename(out), partSize);
    for (const name of await readdir(dirname(out)))
      if (name.startsWith(`${basename(out)}.`) && /\.(\d{3}|sha256)$/.test(name)) await rm(join(dirname(out), name));
    for (const { name } of parts) await rename(join(work, name), join(dirname(out), name));
    await writeWhole(`${out}.sha256`, parts.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(""));
    return parts;
  } catch (error) {
    throw error instanceof ConfigError || !("code" in Object(error)) ? error : writeError(out, error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fill(folder: string, { root, node, provider, libraries }: BundleContents): Promise<void> {
  const app = join(folder, "app");
  const copy = (from: string, to: string) =>
    cp(from, to, {
      recursive: true,
      dereference: true,
      filter: (path) => isNeeded(path, provider) && !path.slice(from.length).split(/[\\/]/).includes("node_modules"),
    });
  await mkdir(app, { recursive: true });
  for (const name of ["package.json", "LICENSE", "README.md"])
    if (await stat(join(root, name)).catch(() => undefined)) await cp(join(root, name), join(app, name));
  await copy(join(root, "dist"), join(app, "dist"));
  for (const { from, to } of neededPackages(root)) await copy(from, join(app, to));
  await cp(node, join(folder, "bin", "node"), { dereference: true });
  for (const path of libraries) await cp(path, join(folder, "lib", basename(path)), { dereference: true });
  await writeFile(join(folder, "sae-onnx"), launcher, { mode: 0o755 });
}

/** Packs the folder into files of a size each; gives their digests. */
async function pack(work: string, name: string, partSize = Number.POSITIVE_INFINITY): Promise<readonly Part[]> {
  const parts: Part[] = [];
  const oldest = new Date("2000-01-01T00:00:00Z");
  const stream = create(
    { cwd: work, gzip: { level: 6 }, portable: true, mtime: oldest, noDirRecurse: true },
    await namesIn(work, top),
  );
  let file: ReturnType<typeof createWriteStream> | undefined;
  let [hash, bytes] = [createHash("sha256"), 0];
  const close = async () => {
    if (!file) return;
    await new Promise<void>((resolve, reject) =>
      file!.end((error?: Error | null) => (error ? reject(error) : resolve())),
    );
    parts.push({ name: basename(String(file.path)), bytes, sha256: hash.digest("hex") });
    [file, hash, bytes] = [undefined, createHash("sha256"), 0];
  };
  const write = async (chunk: Uint8Array) => {
    const isOne = partSize === Number.POSITIVE_INFINITY;
    file ??= createWriteStream(join(work, isOne ? name : `${name}.${String(parts.length).padStart(3, "0")}`), {
      flags: "wx",
    });
    hash.update(chunk);
    bytes += chunk.length;
    await new Promise<void>((resolve, reject) => file!.write(chunk, (error) => (error ? reject(error) : resolve())));
  };
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      (async () => {
        for (let at = 0; at < chunk.length; ) {
          if (bytes >= partSize) await close();
          const end = Math.min(chunk.length, at + partSize - bytes);
          await write(chunk.subarray(at, end));
          at = end;
        }
      })().then(() => done(), done);
    },
    final(done) {
      close().then(() => done(), done);
    },
  });
  await pipeline(Readable.from(stream as AsyncIterable<Buffer>), sink);
  return parts;
}

/** Every file of a folder in a fixed order. */
async function namesIn(work: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(work, folder), { withFileTypes: true });
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const nested = await Promise.all(
    sorted.map((one) => {
      const path = `${folder}/${one.name}`;
      return one.isDirectory() ? namesIn(work, path) : [path];
    }),
  );
  return nested.flat();
}
