import * as ort from "onnxruntime-node";
import type { Attached, AttachOptions } from "../export/attach/attach.ts";
import { type AttachPaths, attachFiles as attachUnloaded } from "../export/attach/files.node.ts";
import { explain, quiet } from "../runtime/session.ts";
import { ConfigError } from "../util/errors.ts";
import { visible } from "../util/visible.ts";

/** A model with an encoder attached, and why it was not loaded, where the model it is made of cannot be loaded here either. */
export interface AttachedFile extends Attached {
  readonly notLoaded?: string;
}

/**
 * As `attachFiles` of the export room, and the new model is loaded by ONNX Runtime before it has its name, unless `load` is false.
 * @throws {ConfigError} where that fails, saying why; nothing is written then.
 */
export async function attachFiles(
  paths: AttachPaths,
  options: AttachOptions,
  { load = true }: { readonly load?: boolean } = {},
): Promise<AttachedFile> {
  let notLoaded: string | undefined;
  const attached = await attachUnloaded(paths, options, async (path) => {
    if (load) notLoaded = await refusalOf(path, paths);
  });
  return { ...attached, ...(notLoaded === undefined ? {} : { notLoaded }) };
}

/**
 * Why ONNX Runtime does not load the new model though it is as good as the old one: ops, versions or kernels that the old one has and
 * this runtime has not.
 * @throws {ConfigError} for any other reason.
 */
async function refusalOf(path: string, { model, out }: AttachPaths): Promise<string | undefined> {
  const why = await loadError(path);
  if (why === undefined) return undefined;
  const before = await loadError(model);
  if (before !== undefined && isForeign.test(before)) return visible(before);
  throw new ConfigError(
    before === undefined
      ? `${out}: would be a model that ONNX Runtime does not load, so it was not written (${visible(why)}); report this, or leave the check out with --no-load`
      : `${model}: ONNX Runtime does not load it as it is (${visible(before)}); get or save it again`,
  );
}

/** What ONNX Runtime says of a model for other software or hardware. */
const isForeign =
  /NOT_IMPLEMENTED|Could not find an implementation|not a registered function|No Op registered|No opset import|is under development|Unsupported model IR version|kernel/i;

/** What a runtime says when it loads a model, without optimising it: weights in other files are mapped, not read. */
async function loadError(path: string): Promise<string | undefined> {
  try {
    const session = await ort.InferenceSession.create(path, {
      ...quiet,
      graphOptimizationLevel: "disabled",
      extra: { session: { disable_prepacking: "1" } },
    });
    await session.release();
    return undefined;
  } catch (error) {
    return explain("", error).message.replace(/^ONNX Runtime\s*:?\s*/, "");
  }
}
