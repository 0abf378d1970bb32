import { expect, test } from "vitest";
import { scalarEvent, tfRecord } from "../../src/pipeline/log/tensorboard.node.ts";

test("an event is written byte for byte as tensorboard 2.21.0 writes it", () => {
  // RecordWriter(f).write(Event(wall_time=1700000000.5, step=300, summary=Summary(value=[Summary.Value(tag="loss", simple_value=0.125)])))
  const wanted = "1b000000000000001a0d9e130900002040fc54d94110ac022a0d0a0b0a046c6f7373150000003e42e773af";
  const record = tfRecord(scalarEvent(1700000000.5, 300, "loss", 0.125));
  expect(Buffer.from(record).toString("hex")).toBe(wanted);
});
