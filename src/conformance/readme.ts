/** How a kit is used; the kit's README.md. */
export const readme: string = `# Conformance of sparse autoencoders

Does an implementation compute what the weights mean? Each case is an SAE, rows, and the latents and reconstruction that it gives for them in
float64. A case names the trap that it is for.

    python check.py -- python my_adapter.py

\`check.py\` needs numpy. For each case it runs the command with two more words, INPUT and OUTPUT:

- INPUT, a .safetensors file: \`x [rows, inputs]\`, the weights, and \`sae\` in its metadata, JSON that says how they are used.
- OUTPUT, which the command writes: a .safetensors file with \`latents [rows, latents]\` and \`reconstruction [rows, outputs]\`, float32 or float64.

A command that cannot do a case ends with exit code 3: it is counted as refused, not as wrong. \`--case NAME\` runs one case.

## What is computed

    u = normalise(x) - (b_dec if subtract_b_dec)          pre = u @ W_enc + b_enc
    reconstruction = denormalise(z @ W_dec + b_dec) + x @ W_skip.T (where there is W_skip)

W_enc is [inputs, latents], W_dec [latents, outputs]. Weights in float16 or bfloat16 are read as they are; all is computed in float32 or better.

| \`architecture\` | z |
|---|---|
| relu | max(pre, 0) |
| topk | the k largest by \`select\`: "value", then max(pre, 0); or "magnitude", with their sign. All others are 0 |
| jumprelu | pre where pre > threshold and pre > 0, else 0; threshold is one number for each latent |
| gated | max(exp(r_mag) * v + b_mag, 0) where v + b_gate > 0, else 0; v = u @ W_enc |
| groupmax | latents in k groups of neighbours: the largest of each, then max(pre, 0) |
| matching_pursuit | k rounds: of what is left of u, the latent with the largest product with its row of W_dec, if above 0, is added and taken off |

| \`normalise\` | |
|---|---|
| factor | u = x * factor, and the reconstruction divided by factor |
| layer_norm | (x - mean) / (std + 1e-5), std over n - 1; the reconstruction * std + mean |
| constant_norm | x * sqrt(n) / length(x); the reconstruction * length(x) / sqrt(n) |

\`rescale_by_decoder_norm\`: pre times the length of the latent's row of W_dec, before any is chosen; z divided by it before decoding.
A transcoder's outputs are never denormalised, and b_dec never taken off its input.

## What is compared

Selection: a latent is zero where it is zero here, unless both are within 1e-5 of the row's largest pre-activation. Values: to 1e-5 of the row's
largest pre-activation; reconstructions to 1e-5 of the row's largest. Rows with ties are named: of latents with equal scores any may be kept,
but as many as here, with their own values; the reconstruction must follow. No row is nearer to a tie than 1e-5 by accident.
`;
