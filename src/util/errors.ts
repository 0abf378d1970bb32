/** Sizes or types that do not fit together; thrown at the call that joins them. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** A gradient that does not exist: no path from the loss, or an op without a rule. */
export class GradientError extends Error {
  override readonly name = "GradientError";
}

/** A value, option or file that cannot be used as given. The message says what, where, and what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** ONNX Runtime refused or failed; `cause` is its own error, the message names the place in the graph. */
export class RuntimeFailure extends Error {
  override readonly name = "RuntimeFailure";
}

/** Whether an error is one of ours: its message alone is meant for the user. */
export function isExpected(error: unknown): boolean {
  return (
    error instanceof ShapeError ||
    error instanceof GradientError ||
    error instanceof ConfigError ||
    error instanceof RuntimeFailure
  );
}
