import { originInMetadata } from "../../checkpoint/origin.ts";
import { hookCalled, showHook } from "../../onnx/hooks.ts";
import { besideSentence, type Located, type Network } from "../../onnx/locate.ts";
import type { AttachOptions } from "./attach.ts";

/** Where an SAE was trained, as its metadata say: by its `origin`, or by its layer alone. */
function trainedAt(metadata: Readonly<Record<string, string>>) {
  const origin = originInMetadata(metadata);
  const text = (key: string) => (typeof origin?.[key] === "string" ? (origin[key] as string) : undefined);
  const layer = /^\d+$/.test(metadata.layer ?? "") ? Number(metadata.layer) : undefined;
  return { hook: text("hook") ?? text("hook_name"), module: text("module"), positions: text("positions"), layer };
}

/**
 * What to know of where an SAE is put: the value is not the residual stream though as wide, or not where the SAE was trained, or it takes
 * the activation's place at positions it never saw.
 */
export function cautionsOf(
  { hooks, file }: Network,
  located: Located,
  metadata: Readonly<Record<string, string>>,
  { positions, mask, reconstruct }: AttachOptions,
): readonly string[] {
  const trained = trainedAt(metadata);
  const here = located.hook;
  const there = trained.hook === undefined ? undefined : hookCalled(hooks, trained.hook);
  const said: (string | undefined)[] = [besideSentence(located, Number(metadata.input_dim))];
  if (there && there.name !== here?.name)
    said.push(
      `the SAE was trained on rows of ${showHook(there)}, and is put on ${here ? showHook(here) : located.value.name}`,
    );
  else if (trained.hook !== undefined && !there && trained.hook !== located.value.name)
    said.push(`the SAE was trained on rows of ${trained.hook}, which ${file} has not`);
  else if (trained.hook === undefined && trained.layer !== undefined && here && here.block !== trained.layer)
    said.push(`the SAE was trained on rows of layer ${trained.layer}, and is put on ${showHook(here)}`);
  else if (here && trained.module !== undefined && trained.module !== here.module)
    said.push(`the SAE was trained on rows of ${trained.module}, here ${here.name} is ${here.module}: another model?`);
  if (reconstruct && !positions && !mask && trained.positions !== undefined && trained.positions !== "all")
    said.push(
      `the SAE was trained on rows at positions ${trained.positions}, and takes the activation's place at all; --positions or --mask leaves the others alone`,
    );
  return said.filter((one) => one !== undefined);
}
