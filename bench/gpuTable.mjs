// What README and docs/ say of CUDA, made from gpu.json (`null`: nothing was measured).

/** Seconds per SAE on an H100 that this project aims at; a figure is a result only once gpu.sh has run there. */
export const targetSeconds = 1;

const exponent = (value) => (value === 0 ? "0" : value.toExponential(1));
const distinct = (values) => [...new Set(values)].sort((a, b) => a - b);

/** The grid of twelve as a table of seconds per SAE, with the explained variance behind each. */
export function gpuTable(result) {
  const target = `target on an H100: under ${targetSeconds} s`;
  if (result === null)
    return [
      `| CUDA, seconds per SAE (${target}): synthetic stand-in, 2,048 dims, 25 epochs | k 5, 10, 20 and 100 |`,
      "|---|---|",
      "| 512, 1,024 and 2,048 latents | not measured |",
    ].join("\n");
  const { saes, card, input_dim, epochs, first_contact: contact } = result;
  const ks = distinct(saes.map(({ k }) => k));
  const cell = (latents, k) => {
    const one = saes.find((sae) => sae.latent_dim === latents && sae.k === k);
    return one ? `${one.train_time_sec.toFixed(2)} (${one.explained_variance.toFixed(3)})` : "-";
  };
  const title = `${card ?? "unknown card"}, seconds per SAE (explained variance), ${target}: synthetic stand-in, ${input_dim.toLocaleString("en")} dims, ${epochs} epochs`;
  return [
    `| ${[title, ...ks.map((k) => `k ${k}`)].join(" | ")} |`,
    `|---|${ks.map(() => "--:|").join("")}`,
    ...distinct(saes.map((one) => one.latent_dim)).map(
      (latents) => `| ${[`${latents} latents`, ...ks.map((k) => cell(latents, k))].join(" | ")} |`,
    ),
    ...(contact
      ? [
          "",
          `First ${contact.steps} steps against the CPU's, relative: loss ${exponent(contact.loss)}, weights ${exponent(contact.weights)} (TF32 ${contact.tf32}; bounds ${contact.bounds.loss} and ${contact.bounds.weights}).`,
        ]
      : []),
  ].join("\n");
}

/** CUDA's row of the parity table. */
export function parityRow(result) {
  const shown = (wrapper) => {
    const row = result?.parity?.rows.find(
      (one) => one.provider === "cuda" && one.step === "dense" && one.wrapper === wrapper,
    );
    if (!row) return "not measured";
    return row.distance ? `${exponent(row.distance.loss)} / ${exponent(row.distance.largestWeight)}` : row.note;
  };
  return `| cuda | dense | ${["loop", "scan", "single"].map(shown).join(" | ")} |`;
}

/** Each place that speaks of CUDA: in which file, where in it, and what stands there. */
const places = [
  ["docs/providers.md", /(?<=<!-- gpu\.json -->\n).*?(?=\n<!-- end of gpu\.json -->)/s, gpuTable],
  ["docs/providers.md", /^\| cuda \| dense \| .*$/m, parityRow],
  [
    "README.md",
    /(?<=^\| CUDA \| `cuda` \| )[^|]* \| [^|]*(?= \|)/m,
    (result) => {
      const card = result?.card ?? "an NVIDIA GPU";
      return result ? `yes, on ${card} | yes` : "checked against CUDA's kernels, never executed | never executed";
    },
  ],
  [
    "README.md",
    /(?<=^- )[^\n]*SwiftShader only\.$/m,
    (result) =>
      result
        ? "WebGPU was run on SwiftShader only."
        : "Nothing here was run on a real GPU: CUDA never, WebGPU on SwiftShader only.",
  ],
];

/** The files that have such a place. */
export const filesWithGpu = [...new Set(places.map(([file]) => file))];

/** A file's text with the numbers of gpu.json in their places. @throws where one of the places is gone. */
export function withGpu(file, text, result) {
  return places
    .filter(([name]) => name === file)
    .reduce((text, [, place, of]) => {
      if (!place.test(text)) throw new Error(`${file} has no place for CUDA's numbers: ${place}`);
      return text.replace(place, () => of(result));
    }, text);
}
