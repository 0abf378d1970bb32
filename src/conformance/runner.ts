/** The kit's check.py: it runs any implementation by files, and needs numpy alone. */
export const runner: string = `"""Checks an implementation of sparse autoencoders: python check.py [--case NAME] -- COMMAND...

COMMAND is run as COMMAND INPUT OUTPUT for each case; README.md says what is in the files. Needs numpy.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

kit = Path(__file__).parent
dtypes = {"F32": "<f4", "F64": "<f8", "F16": "<f2"}


def load(path):
    """The tensors of a .safetensors file, as float64."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, one in header.items():
        if one["dtype"] not in dtypes:
            raise ValueError(f"{name} is {one['dtype']}; write float32 or float64")
        first, last = one["data_offsets"]
        values = np.frombuffer(data[start + first : start + last], dtypes[one["dtype"]])
        tensors[name] = values.reshape(one["shape"]).astype("f8")
    return tensors


def apart(theirs, ours, scale, tolerance):
    """The first row that is further off than the tolerance allows, or None."""
    off = np.abs(theirs - ours).max(1) / np.where(scale == 0, 1, scale)
    rows = np.flatnonzero(~(off <= tolerance))
    return None if len(rows) == 0 else f"row {rows[0]} is off by {off[rows[0]]:.2g} of its largest, {len(rows)} rows are"


def complaint(case, given, tolerance):
    """What is wrong with what an implementation gives, or None; and how it chooses between equals."""
    wanted = load(kit / "cases" / f"{case['name']}.expected.safetensors")
    for name in ("latents", "reconstruction"):
        if name not in given:
            return f"{name} is missing", None
        if given[name].shape != wanted[name].shape:
            return f"{name} is {list(given[name].shape)}, need {list(wanted[name].shape)}", None
    z, expected, scale, tied = given["latents"], wanted["latents"], wanted["scale"][:, None], wanted["tied"]
    if not np.isfinite(z).all():
        return "latents are not finite", None
    free = tied != 0
    how = None
    if free.any():
        kept = (z != 0) & free
        as_many = kept.sum(1) == ((expected != 0) & free).sum(1)
        if not as_many.all():
            return f"row {np.flatnonzero(~as_many)[0]}: of equal latents not as many are kept", None
        # Another choice is as good: what follows from it is expected.
        how = "as here, the lower number first" if ((expected != 0) == (z != 0))[free].all() else "another than here"
        expected = np.where(free, np.where(kept, tied, 0), expected)
    again = wanted["reconstruction"]
    if free.any():
        W_dec = load(kit / "cases" / f"{case['name']}.input.safetensors")["W_dec"]
        again = again + (expected - wanted["latents"]) @ W_dec
    otherwise = ((z == 0) != (expected == 0)) & (np.maximum(np.abs(z), np.abs(expected)) > tolerance * scale)
    if otherwise.any():
        row, latent = np.argwhere(otherwise)[0]
        return f"row {row}: latent {latent} is {z[row, latent]:.6g}, need {expected[row, latent]:.6g}; {otherwise.any(1).sum()} rows keep other latents", how
    off = apart(z, expected, wanted["scale"], tolerance)
    if off:
        return f"latents: {off}", how
    off = apart(given["reconstruction"], again, np.abs(again).max(1), tolerance)
    return (f"reconstruction: {off}" if off else None), how


def main(words):
    if "--" not in words or words[-1] == "--":
        sys.exit(__doc__.splitlines()[0])
    own, command = words[: words.index("--")], words[words.index("--") + 1 :]
    manifest = json.loads((kit / "kit.json").read_text())
    cases = [one for one in manifest["cases"] if "--case" not in own or one["name"] == own[own.index("--case") + 1]]
    if not cases:
        sys.exit("error: no such case; kit.json lists them")
    wrong, refused = [], []
    for case in cases:
        source = kit / "cases" / f"{case['name']}.input.safetensors"
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "output.safetensors"
            try:
                done = subprocess.run([*command, str(source), str(output)], capture_output=True, text=True, timeout=120)
                said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
                how, reason = None, None
                if done.returncode == 3:
                    refused.append(case["name"])
                    print(f"refused  {case['name']}: {said[0]}")
                    continue
                if done.returncode != 0:
                    reason = said[0]
                else:
                    reason, how = complaint(case, load(output), manifest["tolerance"])
            except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                reason, how = str(error), None
        ties = "" if case["rows_with_ties"] == 0 else f"; {case['rows_with_ties']} rows with ties, chosen {how or 'wrongly'}"
        if reason:
            wrong.append(case["name"])
            print(f"WRONG    {case['name']} ({case['trap']}): {reason}{ties}")
        else:
            print(f"right    {case['name']}{ties}")
    print(f"{len(cases) - len(wrong) - len(refused)} right, {len(wrong)} wrong, {len(refused)} refused")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
`;
