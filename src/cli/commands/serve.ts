import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { ConfigError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import { note, print } from "../output.ts";
import { serveSite, writeSite } from "../site.ts";

/** The activations that come with the repository: those that `npm start` trains on, and a text encoder's. */
const embedded = ["smollm2-resid14-last", "use-lite-resid0-pos3"].map((name) => `examples/data/${name}.safetensors`);

export const serve = defineCommand({
  command: "serve",
  options: {
    models: { type: "string", default: "models", describe: "folder of frozen .autoencoder.onnx files to offer" },
    data: {
      type: "string",
      array: true,
      describe: "activations to offer [default: those that come with the repository, where they are]",
    },
    port: { type: "number", default: 8017, describe: "port on 127.0.0.1; 0 takes any that is free" },
    out: { type: "string", describe: "write the page as static files into this folder, and serve nothing" },
  },
  examples: [
    ["$0 serve", "the page with models/ and the embedded activations"],
    ["$0 serve --data acts.npy --models my-models", "with your own"],
    ["$0 serve --out site", "the same as static files, for any web server"],
  ],
  async run(given) {
    const { port } = given;
    if (!(Number.isInteger(port) && port >= 0 && port < 65536))
      throw new ConfigError(`--port must be an integer from 0 to 65535, got ${port}`);
    const files = { models: given.models, data: given.data ?? embedded.filter((file) => existsSync(file)) };
    if (given.out !== undefined) {
      const count = await writeSite(files, given.out);
      print(`${given.out}: the page with ${count} models; any web server can serve it`);
      if (count === 0) note(`no models in ${files.models}: sae-onnx train makes some`);
      return;
    }
    const server = await serveSite(files, port);
    print(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    note("Ctrl-C ends it");
  },
});
