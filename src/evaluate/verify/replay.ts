import type { VerificationVectors } from "../../data/vectors.ts";
import { packModel } from "../../onnx/model.ts";
import type { Model } from "../../onnx/proto.ts";
import type { Runtime } from "../../runtime/session.ts";
import { RuntimeFailure } from "../../util/errors.ts";
import { compare, type Differences } from "./compare.ts";

/** What came of replaying a model on one provider. */
export type Replay =
  | { readonly state: "compared"; readonly differences: Differences }
  /** The provider did not load the model, as when it lacks an op. */
  | { readonly state: "refused"; readonly reason: string };

/**
 * Runs a model on its verification vectors.
 * @throws {ConfigError} when the vectors are not of this model. @throws {RuntimeFailure} when it was loaded and failed.
 */
export async function replay(runtime: Runtime, model: Model, vectors: VerificationVectors): Promise<Replay> {
  let session: Awaited<ReturnType<Runtime["open"]>>;
  try {
    session = await runtime.open(packModel(model), { threads: 1 });
  } catch (error) {
    if (error instanceof RuntimeFailure) return { state: "refused", reason: error.message };
    throw error;
  }
  try {
    return { state: "compared", differences: compare(vectors, await session.run(vectors.inputs)) };
  } finally {
    await session.release();
  }
}
