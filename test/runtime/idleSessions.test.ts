import { expect, test } from "vitest";
import { IdleSessions } from "../../src/runtime/idleSessions.ts";
import type { Session } from "../../src/runtime/session.ts";

/** A source of numbered sessions that says which were let go. */
function source() {
  const gone: number[] = [];
  let opened = 0;
  const open = async (): Promise<Session> => {
    const number = opened++;
    return {
      ...{ inputNames: [String(number)], outputNames: [], run: async () => ({}), carried: async () => ({}) },
      release: async () => void gone.push(number),
    };
  };
  return { open, gone };
}

test("a session is used again under its key once it is released, never by two at a time", async () => {
  const { open, gone } = source();
  const sessions = new IdleSessions();
  const [a, b] = [await sessions.take("x", open), await sessions.take("x", open)];
  expect([a.inputNames, b.inputNames]).toEqual([["0"], ["1"]]);
  await a.release();
  expect((await sessions.take("y", open)).inputNames).toEqual(["2"]);
  expect((await sessions.take("x", open)).inputNames).toEqual(["0"]);
  expect(gone).toEqual([]);
});

test("of more than 16 that wait, the one that waited longest is let go", async () => {
  const { open, gone } = source();
  const sessions = new IdleSessions();
  const all = [];
  for (let i = 0; i < 18; i++) all.push(await sessions.take(String(i), open));
  for (const one of all) await one.release();
  expect(gone).toEqual([0, 1]);
});
