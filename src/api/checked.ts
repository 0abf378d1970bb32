import { checkArguments, inWords, type Kind } from "../util/arguments.ts";
import { ConfigError } from "../util/errors.ts";

// biome-ignore lint/suspicious/noExplicitAny: any function's arguments, whose types its own declaration keeps
type AnyFunction = (...given: any[]) => any;

const check = (call: string, kinds: Readonly<Record<string, Kind>>, given: readonly unknown[]): void =>
  checkArguments(call, Object.fromEntries(Object.entries(kinds).map(([name, kind], i) => [name, [given[i], kind]])));

/** A function that first checks its arguments, which are named in their order. */
export const checked = <F extends AnyFunction>(call: string, kinds: Readonly<Record<string, Kind>>, run: F): F =>
  ((...given) => {
    check(call, kinds, given);
    return run(...given);
  }) as F;

/** The same of a function that gives a promise: that fails, rather than the call. */
export const checkedLater = <F extends AnyFunction>(call: string, kinds: Readonly<Record<string, Kind>>, run: F): F =>
  (async (...given) => {
    check(call, kinds, given);
    return run(...given);
  }) as F;

/** Functions of a module that know their arguments by use: where one cannot be used, the call and its arguments are named. */
export const spoken = <M extends object>(prefix: string, module: M): M =>
  Object.fromEntries(
    Object.entries(module).map(([name, run]) => [
      name,
      (...given: unknown[]) => {
        try {
          return (run as AnyFunction)(...given);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          throw new ConfigError(
            `${prefix}.${name}: takes values of a graph, as input and the ops give them, and numbers; got ${given.map(inWords).join(", ") || "nothing"}`,
            { cause: error },
          );
        }
      },
    ]),
  ) as M;
