// Loaded into a command before it starts (node --import): lets it have the number of cores that CORES names.
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";

os.availableParallelism = () => Number(process.env.CORES);
syncBuiltinESMExports();
