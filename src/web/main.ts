/** @file The page: what is open above, three tabs below. All work is a worker's. */
import "./style.css";
import { startEngine, theWorker } from "./engine.ts";
import { startEvaluate } from "./evaluate.ts";
import { showRoute, startExplore } from "./explore/explore.ts";
import { startTabs } from "./route.ts";
import { startShelf } from "./shelf.ts";
import { restoreTrainings, showTrain, startTrain } from "./train/train.ts";

void theWorker().catch(() => {});
startEngine();
startEvaluate();
startExplore(async () => {
  throw new Error(
    "to read sentences open a language model (.onnx) and its tokenizer.json; a row's number is read without",
  );
});
startTrain();
await Promise.all([startShelf(), restoreTrainings()]);
startTabs((route) => {
  void showRoute(route);
  if (route.tab === "train") void showTrain();
});
