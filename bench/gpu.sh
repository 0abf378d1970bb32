#!/usr/bin/env bash
# Run once on a machine with an NVIDIA GPU (Linux on x64, driver 580 or newer, CUDA 13's libraries): installs, asks doctor, compares
# providers, trains the grid of twelve on the synthetic stand-in, and writes bench/gpu.json; `node bench/gpu.mjs docs` then
# puts the numbers into README and docs/providers.md. Run again after a failure it goes on where it was: what is done is kept in WORK until the end.
# PROVIDER=cpu and the sizes below try the script itself elsewhere.
#   PROVIDER=cuda DIM=2048 ROWS=7473 LATENTS=512,1024,2048 KS=5,10,20,100 EPOCHS=25 STEPS=50
#   OUT=bench/gpu.json WORK=bench/data/gpu INSTALL=1
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

provider=${PROVIDER:-cuda}
dim=${DIM:-2048}
out=${OUT:-bench/gpu.json}
work=${WORK:-bench/data/gpu}
settings="$provider $dim ${ROWS:-7473} ${LATENTS:-512,1024,2048} ${KS:-5,10,20,100} ${EPOCHS:-25} ${STEPS:-50}"

fail() {
  echo "error: $1" >&2
  exit 1
}
sae() { node dist/cli/main.js "$@"; }
# A file of what a command prints, whole or not at all.
keep() {
  local file=$1
  shift
  "$@" >"$file.part" && mv "$file.part" "$file"
}

[[ -n $(command -v node) && -n $(command -v npm) ]] ||
  fail "Node is not installed; get version 20.19 or later from https://nodejs.org (Ubuntu's own package is older)"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  fail "Node $(node --version) is too old; get version 20.19 or later from https://nodejs.org"
mkdir -p "$work" || fail "$work cannot be made; set WORK to a folder that can"
free=$(df -Pk "$work" | awk 'NR == 2 { print int($4 / 1024) }')
((free >= ${NEEDS_MB:-6000})) || fail "$work has $free MB of disk left; ${NEEDS_MB:-6000} are needed for packages, CUDA's libraries and models"

if [[ -e $work/settings && $(<"$work/settings") != "$settings" ]]; then
  fail "$work holds an unfinished run of other settings ($(<"$work/settings")); remove it, or set WORK to another folder"
fi
echo "$settings" >"$work/settings"

if [[ ${INSTALL:-1} == 1 && ! -e $work/installed ]]; then
  npm ci
  npm run -s build
  if [[ $provider == cuda ]]; then sae doctor --install-cuda --yes; fi
  touch "$work/installed"
fi

keep "$work/doctor.json" sae doctor --json
node bench/gpu.mjs require "$work/doctor.json" "$provider"

# The same steps on every usable provider. One that fails is a row that says so, and keeps nothing else from being measured.
if [[ ! -e $work/parity.json ]]; then
  sae parity --steps "${STEPS:-50}" --json >"$work/parity.part" ||
    echo "warning: a provider failed in parity; $out will say which" >&2
  node bench/gpu.mjs parity "$work/parity.part" "$work/parity.json"
fi

if [[ ! -e $work/stand-in.safetensors ]]; then
  sae synth --out "$work/stand-in.safetensors" --input-dim "$dim" --rows "${ROWS:-7473}" --features "$dim"
fi
# One after another, so that each has the GPU for itself. SAEs that an earlier run finished are kept, with their times.
keep "$work/rows.json" sae train --data "$work/stand-in.safetensors" --latent-dim "${LATENTS:-512,1024,2048}" --k "${KS:-5,10,20,100}" \
  --epochs "${EPOCHS:-25}" --provider "$provider" --jobs 1 --threads 1 --out "$work/models" --json

node bench/gpu.mjs write "$work" "$provider" "$out"
rm -rf "$work"/{settings,installed,doctor.json,parity.part,parity.json,stand-in.safetensors,rows.json,models}
rmdir --ignore-fail-on-non-empty "$work"
