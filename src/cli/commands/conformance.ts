import { conformanceKit } from "../../pipeline/conformance/kit.node.ts";
import { checkReplaceable, writeFolder } from "../../pipeline/writeFolder.node.ts";
import { defineCommand } from "../command.ts";
import * as flags from "../flags.ts";
import { note, print } from "../output.ts";

/** The file by which a kit is known. */
const mark = "manifest.json";

export const conformance = defineCommand({
  command: "conformance",
  options: {
    out: { type: "string", default: "conformance", describe: "folder to write; a kit in it is replaced" },
    json: flags.json,
  },
  examples: [["$0 conformance --out kit", "then: python kit/run.py COMMAND..."]],
  async run({ out, json }) {
    await checkReplaceable(out, mark);
    const kit = await conformanceKit();
    await writeFolder(out, mark, async (write) => {
      for (const [name, content] of Object.entries(kit)) await write(name, content);
    });
    const { cases } = JSON.parse(kit[mark] as string);
    if (json) print(JSON.stringify({ out, cases }, null, 1));
    else for (const { name, trap } of cases) print(`${name}: ${trap}`);
    note(
      `${out}: ${cases.length} cases; README.md says how an implementation is checked: python ${out}/run.py COMMAND...`,
    );
  },
});
