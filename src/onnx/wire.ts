/** @file Protobuf messages as bytes: for changing one field of a message and leaving every other byte alone, known or not. */
import protobuf from "protobufjs/minimal.js";

/** One field of a message: all its bytes, and the content if the field is length-delimited. */
export interface Field {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
}

const lengthDelimited = 2;

/**
 * The fields of a message, in order; joined again they are the message. Throws where the bytes are no message, also at a field
 * numbered 0: no message has one, but protobufjs reads it, so a file padded with zeros would pass.
 */
export function fieldsOf(message: Uint8Array): Field[] {
  const reader = protobuf.Reader.create(message);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag >>> 3 === 0) throw new Error(`a field numbered 0 at byte ${start}`);
    let content = message.subarray(0, 0);
    if ((tag & 7) === lengthDelimited) {
      const length = reader.uint32();
      content = message.subarray(reader.pos, reader.pos + length);
      reader.skip(length);
    } else reader.skipType(tag & 7);
    fields.push({ number: tag >>> 3, bytes: message.subarray(start, reader.pos), content });
  }
  return fields;
}

/** The tag and length that go before `length` bytes of a length-delimited field. */
const header = (number: number, length: number): Uint8Array =>
  protobuf.Writer.create()
    .uint32((number << 3) | lengthDelimited)
    .uint32(length)
    .finish();

/** A length-delimited field around some pieces. */
export function wrap(number: number, pieces: readonly Uint8Array[]): Uint8Array[] {
  return [header(number, sizeOfAll(pieces)), ...pieces];
}

export const sizeOfAll = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((total, { length }) => total + length, 0);

/** The pieces in one array. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(sizeOfAll(pieces));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
