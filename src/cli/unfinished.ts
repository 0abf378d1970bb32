import { shardsOfUnfinished } from "../harvest/unfinished.node.ts";
import { visible } from "../util/visible.ts";
import { note } from "./streams.ts";

/** Says of which folders of data the harvest was stopped: what is there can be used, but is not all. */
export async function noteUnfinished(data: string): Promise<void> {
  for (const folder of data.split(",").map((part) => part.trim())) {
    const shards = await shardsOfUnfinished(folder);
    if (shards !== undefined)
      note(
        visible(
          `${folder}: its harvest was stopped after ${shards} ${shards === 1 ? "shard" : "shards"}; the same harvest command goes on`,
        ),
      );
  }
}
