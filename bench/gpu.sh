#!/usr/bin/env bash
# Run once on a machine with an NVIDIA GPU: installs, asks doctor, compares providers, trains the grid of twelve on the synthetic
# stand-in, and writes bench/gpu.json. PROVIDER=cpu and the sizes below try the script itself elsewhere.
#   PROVIDER=cuda DIM=2048 ROWS=7473 LATENTS=512,1024,2048 KS=5,10,20,100 EPOCHS=25 STEPS=50 OUT=bench/gpu.json INSTALL=1
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

provider=${PROVIDER:-cuda}
out=${OUT:-bench/gpu.json}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sae() { node dist/cli/main.js "$@"; }

if [[ ${INSTALL:-1} == 1 ]]; then
  npm ci
  npm run -s build
  if [[ $provider == cuda ]]; then sae doctor --install-cuda --yes; fi
fi

sae doctor --json >"$work/doctor.json"
node bench/gpu.mjs require "$work/doctor.json" "$provider"

# The same steps on every usable provider. One that fails is a row that says so, and keeps nothing else from being measured.
sae parity --steps "${STEPS:-50}" --json >"$work/parity.json" ||
  echo "warning: a provider failed in parity; the rows in $out say which" >&2

sae synth --out "$work/stand-in.safetensors" --input-dim "${DIM:-2048}" --rows "${ROWS:-7473}" --features "${DIM:-2048}"
sae train --data "$work/stand-in.safetensors" --latent-dim "${LATENTS:-512,1024,2048}" --k "${KS:-5,10,20,100}" \
  --epochs "${EPOCHS:-25}" --provider "$provider" --out "$work/models" --json >"$work/rows.json"

node bench/gpu.mjs write "$work" "$provider" "$out"
