/**
 * @file Event files as TensorBoard reads them: records of TFRecord, each an `Event` of protocol buffers, in a folder for each SAE.
 * Source: tensorflow/core/lib/io/record_writer.h (length, masked CRC-32C, data, masked CRC-32C), tensorflow/core/util/event.proto and
 * tensorflow/core/framework/summary.proto (field numbers).
 */
import { appendFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import protobuf from "protobufjs/minimal.js";
import { crc32c } from "../../data/crc32.ts";
import { makeFolder } from "../../data/replace.node.ts";
import { writeError } from "../../util/fileErrors.ts";
import type { TrainingLog } from "./log.ts";

/** A record: its length, and the bytes, each with a checksum. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return record;
}

/** A checksum of what may hold checksums itself is turned and shifted, as the format asks. */
const masked = (crc: number): number => ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0;

/** The first event of a file, which says its version. */
const versionEvent = (seconds: number): Uint8Array =>
  protobuf.Writer.create().uint32(9).double(seconds).uint32(26).string("brain.Event:2").finish();

/** An event with one number: `Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }`. */
export const scalarEvent = (seconds: number, step: number, tag: string, value: number): Uint8Array =>
  protobuf.Writer.create()
    .uint32(9)
    .double(seconds)
    .uint32(16)
    .int64(step)
    .uint32(42)
    .fork()
    .uint32(10)
    .fork()
    .uint32(10)
    .string(tag)
    .uint32(21)
    .float(value)
    .ldelim()
    .ldelim()
    .finish();

/** Event files in `tensorboard/NAME`: the loss of each epoch, and what the finished SAE measured. A training that goes on begins another file. */
export function tensorboardLog(out: string): TrainingLog {
  const begun = Math.floor(Date.now() / 1000);
  const known = new Set<string>();
  let writing = Promise.resolve();
  let failure: unknown;
  const add = (name: string, scalars: readonly (readonly [tag: string, value: number])[], step: number) => {
    const path = join(out, "tensorboard", name, `events.out.tfevents.${begun}.${hostname()}.${process.pid}.0`);
    const now = Date.now() / 1000;
    const events = scalars.map(([tag, value]) => tfRecord(scalarEvent(now, step, tag, value)));
    if (!known.has(name)) events.unshift(tfRecord(versionEvent(now)));
    known.add(name);
    writing = writing
      .then(async () => {
        await makeFolder(dirname(path));
        await appendFile(path, Buffer.concat(events));
      })
      .catch((error) => {
        failure ??= writeError(path, error);
      });
  };
  return {
    epoch: (name, { epoch, loss }) => add(name, [["loss", loss]], epoch),
    finished(name, { epochs, metrics }) {
      const measured = Object.entries(metrics).flatMap(([key, value]) =>
        value === null ? [] : [[`metrics/${key}`, value] as const],
      );
      add(name, measured, epochs);
    },
    async end() {
      await writing;
      if (failure !== undefined) throw failure;
    },
  };
}
