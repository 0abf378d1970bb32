/** Numbers and tables: what a user may pipe on. */
export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Everything else goes to stderr. */
export const note = (text: string): void => {
  process.stderr.write(`${text}\n`);
};
