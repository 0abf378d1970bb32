import { expect } from "vitest";
import { ConfigError } from "../../src/util/errors.ts";
import { type HostTensor, tensor } from "../../src/util/tensor.ts";

/** A float32 matrix, written row by row. */
export function matrix(...rows: readonly (readonly number[])[]): HostTensor<"float32"> {
  return tensor("float32", [rows.length, rows[0]?.length ?? 0], Float32Array.from(rows.flat()));
}

/** ASCII bytes. */
export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** Bytes one after another. */
export const join = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** The message of the ConfigError that the call throws: one line, or the test fails. */
export function complaint(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as Error;
    expect(message).not.toContain("\n");
    return message;
  }
  return expect.fail("nothing was thrown");
}

/** The same of a call that promises. */
export async function refusal(call: () => Promise<unknown>): Promise<string> {
  const error = await call().then(
    () => expect.fail("nothing was refused"),
    (cause: unknown) => cause,
  );
  return complaint(() => {
    throw error;
  });
}
