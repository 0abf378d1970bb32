/** @file The page: what is open above, three tabs below. All work is a worker's. */
import "./style.css";
import { startEngine, theWorker } from "./engine.ts";
import { startEvaluate } from "./evaluate.ts";
import { showRoute, startExplore } from "./explore/explore.ts";
import { pushing, readSentence, startSentences } from "./explore/sentence.ts";
import { startTabs } from "./route.ts";
import { startShelf } from "./shelf.ts";
import { startHarvest } from "./train/harvest.ts";
import { restoreTrainings, showTrain, startTrain } from "./train/train.ts";

void theWorker().catch(() => {});
startEngine();
startEvaluate();
startExplore(readSentence, pushing);
startSentences();
startTrain();
startHarvest();
await Promise.all([startShelf(), restoreTrainings()]);
startTabs((route) => {
  void showRoute(route);
  if (route.tab === "train") void showTrain();
});
