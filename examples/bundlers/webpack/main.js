import { run } from "../page.js";
import { show } from "../show.js";

show(run());
