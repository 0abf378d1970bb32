import { bounds } from "../../evaluate/verify/compare.ts";
import { usableRuntimes, verifyFiles } from "../../pipeline/verify.node.ts";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";
import { verifiedLines } from "../verified.ts";

export const verify = defineCommand({
  command: "verify <models..>",
  positional: {
    models: {
      describe: "frozen models that sae-onnx export wrote, their .parity.safetensors beside them",
      array: true,
    },
  },
  options: { json: flags.json },
  examples: [["$0 verify models/*.int8.encoder.onnx", "replay frozen encoders on every provider this machine has"]],
  async run(given) {
    const { runtimes, missing } = await usableRuntimes();
    for (const { provider, reason } of missing) note(`${provider} is left out: ${reason}`);
    const verified = await verifyFiles(runtimes, given.models as string[]);
    if (given.json) print(JSON.stringify({ bounds, models: verified }, null, 1));
    else for (const line of verified.flatMap(verifiedLines)) print(line);
    const bad = verified.filter(({ ok }) => !ok);
    if (bad.length > 0)
      throw new ConfigError(
        `${bad.length} of ${verified.length} models did not give what they should: ${bad.map(({ file }) => file).join(", ")}; do not use them, export them again`,
      );
  },
});
