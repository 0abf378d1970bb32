import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "../data/replace.node.ts";
import type { ChunkStore, CodeChunk } from "../features/codes.ts";
import { readError, writeError } from "../util/fileErrors.ts";

/** A chunk in the file: where it begins, and how long its lists are. */
interface Stored {
  readonly first: number;
  readonly at: number;
  readonly rows: number;
  readonly entries: number;
  readonly wide: boolean;
}

/** Chunks in memory up to so many bytes, the others in a file that goes with `release`. */
export class ChunkFile implements ChunkStore {
  readonly #path: string;
  readonly #most: number;
  readonly #kept: CodeChunk[] = [];
  readonly #stored: Stored[] = [];
  #bytes = 0;
  #end = 0;
  #file: FileHandle | undefined;

  constructor(path: string, mostBytes: number) {
    this.#path = path;
    this.#most = mostBytes;
  }

  /** @throws {ConfigError} when the file cannot be written. */
  async put(chunk: CodeChunk): Promise<void> {
    const parts = [chunk.starts, chunk.latents, chunk.values];
    const size = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (this.#stored.length === 0 && this.#bytes + size <= this.#most) {
      this.#bytes += size;
      this.#kept.push(chunk);
      return;
    }
    const { first, starts, latents } = chunk;
    const wide = latents.BYTES_PER_ELEMENT === 4;
    try {
      if (!this.#file) await makeFolder(dirname(this.#path));
      this.#file ??= await open(this.#path, "wx+");
      let at = this.#end;
      for (const part of parts)
        at += await this.#write(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    } catch (error) {
      throw writeError(this.#path, error);
    }
    this.#stored.push({ first, at: this.#end, rows: starts.length, entries: latents.length, wide });
    this.#end += size;
  }

  async *all(): AsyncGenerator<CodeChunk> {
    yield* this.#kept;
    for (const { first, at, rows, entries, wide } of this.#stored) {
      const starts = new Uint32Array(rows);
      const latents = wide ? new Uint32Array(entries) : new Uint16Array(entries);
      const values = new Float32Array(entries);
      let from = at;
      for (const part of [starts, latents, values]) from += await this.#read(new Uint8Array(part.buffer), from);
      yield { first, starts, latents, values };
    }
  }

  /** Gives the file back. */
  async release(): Promise<void> {
    await this.#file?.close();
    if (this.#file) await rm(this.#path, { force: true });
  }

  async #write(bytes: Uint8Array, at: number): Promise<number> {
    for (let done = 0; done < bytes.length; )
      done += (await this.#file!.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    return bytes.length;
  }

  async #read(bytes: Uint8Array, at: number): Promise<number> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#file!.read(bytes, done, bytes.length - done, at + done);
      if (bytesRead === 0) throw readError(this.#path, new Error("ends early; was it cut short?"));
      done += bytesRead;
    }
    return bytes.length;
  }
}
