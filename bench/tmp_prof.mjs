import { readdirSync, readFileSync, rmSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { readActivations, splitRows, takeRows, train, trainConfig } from "sae-onnx";
import { openSession } from "../dist/runtime/session.js";

const [file, latentDim, k, epochs, step, threads = "2"] = process.argv.slice(2);
const set = await readActivations(file);
const split = splitRows(set);
const x = takeRows(set.activations, split.train);
const mk = (profile) => ({
  provider: "cpu",
  open: (model, { threads } = {}) =>
    openSession(ort, model, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
      intraOpNumThreads: threads,
      ...(profile ? { enableProfiling: true, profileFilePrefix: "/tmp/prof/p" } : {}),
      extra: { session: { set_denormal_as_zero: "1", disable_prepacking: "1" } },
    }),
});
const config = trainConfig({ inputDim: x.dims[1], latentDim: +latentDim, options: { k: +k }, epochs: +epochs, step });
let t = performance.now();
const times = [];
const r = await train(mk(false), config, x, {
  threads: +threads,
  onRun: async () => {
    const n = performance.now();
    times.push((n - t) / 24);
    t = performance.now();
    return true;
  },
});
console.log("ms/step by epoch", times.map((v) => v.toFixed(1)).join(" "));
rmSync("/tmp/prof", { recursive: true, force: true });
(await import("node:fs")).mkdirSync("/tmp/prof");
await train(mk(true), { ...config, epochs: config.epochs + 1 }, x, { threads: +threads, from: r });
const ev = JSON.parse(readFileSync("/tmp/prof/" + readdirSync("/tmp/prof")[0], "utf8"));
const by = {};
let tot = 0;
for (const e of ev)
  if (e.cat === "Node" && e.name.endsWith("_kernel_time")) {
    if (e.args.op_name === "Loop") {
      console.log("Loop", (e.dur / 24000).toFixed(2));
      continue;
    }
    const key =
      e.args.op_name +
      " " +
      e.name.replace("_kernel_time", "") +
      " " +
      JSON.stringify(e.args.output_type_shape ?? "").slice(0, 60);
    by[key] = (by[key] ?? 0) + e.dur;
    tot += e.dur;
  }
console.log("sum of nodes", (tot / 24000).toFixed(2));
for (const [n, d] of Object.entries(by)
  .sort((a, b) => b[1] - a[1])
  .slice(0, 34))
  console.log((d / 24000).toFixed(2).padStart(7), n);
const agg = {};
for (const e of ev) if (e.cat === "Node" && e.name.endsWith("_kernel_time") && e.args.op_name !== "Loop") {
  const sec = e.name.replace("_kernel_time","").split("/").slice(1,3).join("/").replace(/\.\d+/g,"").replace(/_\d+$/,"");
  const key = e.args.op_name + " " + sec; agg[key] ??= [0,0]; agg[key][0]+=e.dur; agg[key][1]++;
}
console.log("--- aggregated ms per step, count per step");
for (const [n,[d,c]] of Object.entries(agg).sort((a,b)=>b[1][0]-a[1][0]).slice(0,40)) console.log((d/24000).toFixed(2).padStart(7), (c/24).toFixed(1).padStart(6), n);
