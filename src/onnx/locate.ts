/** @file A place in a model by the name somebody gives it: a value's, a node's output, a block's. */
import { ConfigError } from "../util/errors.ts";
import { findHooks, type Hook, hookCalled, nearestHooks, placeIn, showHook } from "./hooks.ts";
import type { Model } from "./proto.ts";
import { scopesOf } from "./scopes.ts";
import { type FoundValue, findValue } from "./values.ts";

/** A model with the residual stream that was found in it. */
export interface Network {
  readonly model: Model;
  readonly hooks: readonly Hook[];
  /** The innermost module of each node of the main graph, by its number. */
  readonly scopes: ReadonlyMap<number, string>;
  readonly file: string;
}

/** A value, and the residual stream it is. */
export interface Located {
  readonly value: FoundValue;
  readonly hook?: Hook;
  /** The residual stream after the block that the value lies in, where it is none itself. */
  readonly beside?: Hook;
}

/** A model's bytes and message, with its residual stream. */
export function networkOf(model: Model, bytes: Uint8Array, file: string): Network {
  const scopes = scopesOf(bytes);
  return { model, scopes, hooks: findHooks(model, scopes), file };
}

/** How somebody names a block, and not a value: `blocks.99`, `model.layers.99`. */
const isBlock = /^[A-Za-z_][\w.]*\.\d+(\.hook_\w+)?$/;

/**
 * What is called `name`: the residual stream after a block (`hookCalled`), a value, or `NODE:3`.
 * @throws {ConfigError} when there is none, with the nearest names; those `width` wide first, where that is given.
 */
export function locate({ model, hooks, scopes, file }: Network, name: string, width?: number): Located {
  const hook = hookCalled(hooks, name);
  if (hook) return { value: findValue(model, hook.value, hook.width ?? width, file), hook };
  let value: FoundValue;
  try {
    value = findValue(model, name, width, file);
  } catch (error) {
    if (!(error instanceof ConfigError) || hooks.length === 0 || !isBlock.test(name)) throw error;
    const [other] = /hook_(?!resid_(?:pre|post)$)\w+$/.exec(name) ?? [];
    if (other !== undefined)
      throw new ConfigError(
        `${file}: of TransformerLens's names only hook_resid_pre and hook_resid_post are known, not ${other}; sae-onnx inspect --values lists all values, name it as it is called there`,
      );
    throw new ConfigError(
      `${file}: no block is called "${name}"; there are ${hooks[0]!.name} to ${hooks.at(-1)!.name}, nearest: ${nearestHooks(hooks, name)}`,
    );
  }
  const same = hooks.find((one) => one.value === value.name || one.value === name);
  if (same) return { value, hook: same };
  const node = value.producer && model.graph?.node?.[value.producer.node];
  const place = placeIn((value.producer && scopes.get(value.producer.node)) ?? node?.name ?? "") ?? placeIn(value.name);
  const beside = place && hooks.find(({ module }) => module === `${place.list}.${place.block}`);
  return { value, ...(beside ? { beside } : {}) };
}

/** What to know of a value `width` wide that lies in a block and is not its residual stream, though it is as wide. */
export const besideSentence = ({ value, beside }: Located, width: number): string | undefined =>
  beside?.width === width
    ? `${value.name} is inside ${beside.module}, not the residual stream after it, which is ${showHook(beside)}`
    : undefined;
