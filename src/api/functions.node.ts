/** @file The functions of node.ts that read and write files, each with its arguments checked by name. */
import * as dataFilesnode from "../data/files.node.ts";
import * as exportFilesnode from "../export/files.node.ts";
import * as pipelineAttachModelnode from "../pipeline/attachModel.node.ts";
import * as pipelineEffectFilesnode from "../pipeline/effectFiles.node.ts";
import * as pipelineFeaturesnode from "../pipeline/features.node.ts";
import * as pipelineFilesnode from "../pipeline/files.node.ts";
import * as pipelineGridPlannode from "../pipeline/grid/plan.node.ts";
import * as pipelineHarvestFilesnode from "../pipeline/harvestFiles.node.ts";
import * as pipelineProbeFilesnode from "../pipeline/probeFiles.node.ts";
import * as pipelineTraingridnode from "../pipeline/trainGrid.node.ts";
import { checkedLater } from "./checked.ts";
import {
  aModel,
  aPlan,
  aText,
  attachOptions,
  attachPaths,
  contents,
  effectRun,
  evaluationRun,
  featuresRun,
  gridRun,
  harvestRun,
  probeFilesRun,
  someOptions,
} from "./kinds.ts";

export const attachFiles: typeof pipelineAttachModelnode.attachFiles = /* @__PURE__ */ checkedLater(
  "attachFiles",
  { paths: attachPaths, options: attachOptions },
  pipelineAttachModelnode.attachFiles,
);
export const effect: typeof pipelineEffectFilesnode.effectFiles = /* @__PURE__ */ checkedLater(
  "effect",
  { run: effectRun },
  pipelineEffectFilesnode.effectFiles,
);
export const evaluateFiles: typeof pipelineFilesnode.evaluateFiles = /* @__PURE__ */ checkedLater(
  "evaluateFiles",
  { run: evaluationRun },
  pipelineFilesnode.evaluateFiles,
);
export const features: typeof pipelineFeaturesnode.writeFeatures = /* @__PURE__ */ checkedLater(
  "features",
  { run: featuresRun },
  pipelineFeaturesnode.writeFeatures,
);
export const harvest: typeof pipelineHarvestFilesnode.harvestFiles = /* @__PURE__ */ checkedLater(
  "harvest",
  { run: harvestRun },
  pipelineHarvestFilesnode.harvestFiles,
);
export const planGrid: typeof pipelineGridPlannode.planGrid = /* @__PURE__ */ checkedLater(
  "planGrid",
  { run: gridRun },
  pipelineGridPlannode.planGrid,
);
export const probe: typeof pipelineProbeFilesnode.probeFiles = /* @__PURE__ */ checkedLater(
  "probe",
  { run: probeFilesRun },
  pipelineProbeFilesnode.probeFiles,
);
export const readActivations: typeof dataFilesnode.readActivations = /* @__PURE__ */ checkedLater(
  "readActivations",
  { path: aText, options: someOptions },
  dataFilesnode.readActivations,
);
export const readModel: typeof exportFilesnode.readModel = /* @__PURE__ */ checkedLater(
  "readModel",
  { path: aText },
  exportFilesnode.readModel,
);
export const trainGrid: typeof pipelineTraingridnode.trainGrid = /* @__PURE__ */ checkedLater(
  "trainGrid",
  { plan: aPlan },
  pipelineTraingridnode.trainGrid,
);
export const writeModel: typeof exportFilesnode.writeModel = /* @__PURE__ */ checkedLater(
  "writeModel",
  { path: aText, model: aModel },
  exportFilesnode.writeModel,
);
export const writeWhole: typeof dataFilesnode.writeWhole = /* @__PURE__ */ checkedLater(
  "writeWhole",
  { path: aText, content: contents },
  dataFilesnode.writeWhole,
);
