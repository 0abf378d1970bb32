import { conformanceKit } from "../../conformance/kit.ts";
import { writeFolder } from "../../pipeline/writeFolder.node.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

export const conformance = defineCommand({
  command: "conformance",
  options: {
    out: { type: "string", default: "conformance", describe: "folder to write to" },
    json: flags.json,
  },
  examples: [["$0 conformance --out kit && python kit/check.py -- COMMAND", "check an implementation of SAEs"]],
  async run({ out, json }) {
    const files = Object.entries(conformanceKit());
    await writeFolder(out, "kit.json", async (write) => {
      for (const [name, content] of files) await write(name, content);
    });
    const cases = files.filter(([name]) => name.endsWith(".input.safetensors")).length;
    note(`${out}: ${cases} cases; README.md in it says how an implementation is checked by check.py`);
    if (json) print(JSON.stringify({ path: out, cases, files: files.map(([name]) => name) }, null, 1));
  },
});
