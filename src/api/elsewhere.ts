import { ConfigError } from "../util/errors.ts";

/** Where something can be used, and why only there. */
const places = {
  node: "works in Node only, where there are files and native libraries; here it was called in a browser",
  browser: "works in a browser only, where there are Web Workers; here it was called in Node",
} as const;

/** In the place of a function that this place has not: the call says so. */
export const onlyIn = <F>(place: keyof typeof places, name: string): F =>
  ((): never => {
    throw new ConfigError(`${name} ${places[place]}`);
  }) as F;
