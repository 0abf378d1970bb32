/** @file The page: files above, three tabs below. All work is a worker's. */
import "./style.css";
import { style } from "../browser.ts";
import { startEvaluate } from "./evaluate.ts";
import { startExplore } from "./explore.ts";
import { start } from "./files.ts";
import { startTabs } from "./tabs.ts";
import { startTrain } from "./train.ts";

const sheet = document.createElement("style");
sheet.textContent = style;
document.head.prepend(sheet);
startTabs();
startEvaluate();
startExplore();
startTrain();
void start();
