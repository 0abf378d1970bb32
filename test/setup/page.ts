import { fresh } from "./fresh.ts";
import { library } from "./library.ts";

/** What browsers load, which is made of the built library. */
export default () =>
  fresh(
    library,
    { script: "build:page", file: "dist/web/index.html", from: ["src/web", library.file, "vite.web.config.ts"] },
    { script: "build:single", file: "dist/single/sae-onnx.js", from: [library.file, "bundle.mjs"] },
  );
