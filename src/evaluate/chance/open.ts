import type { Model } from "../../onnx/proto.ts";
import type { Session } from "../../runtime/session.ts";

/** Opens a session on a graph that holds for all sizes, so that it may be used again under its name. */
export type OpenModel = (name: string, model: () => Model) => Promise<Session>;
