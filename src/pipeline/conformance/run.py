"""Checks an implementation of sparse autoencoders: python run.py COMMAND...   (needs numpy only)

COMMAND gets two more arguments: a folder with NAME.safetensors for each case, and an empty one, into which it writes NAME.safetensors with
`latents` [rows, latents] and `reconstruction` [rows, outputs], float32. README.md defines what each case computes. A case that it
cannot compute it leaves out: that is counted apart. Exit code 1 where anything is wrong, or nothing was computed.
"""
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

KIT = Path(__file__).resolve().parent
TYPES = {"F32": "<f4", "F64": "<f8", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}


def read(path):
    """The tensors of a .safetensors file by name, bfloat16 as float32; and its metadata."""
    data = Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + size + at for at in entry["data_offsets"])
        values = np.frombuffer(data[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        tensors[name] = values
    return tensors, metadata


def write(path, tensors):
    """Writes float32 tensors."""
    header, parts, at = {}, [], 0
    for name, values in tensors.items():
        parts.append(np.ascontiguousarray(values, "<f4").tobytes())
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + len(parts[-1])]}
        at += len(parts[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


def manifest():
    """The manifest. Stops where a file of the kit is not what it was."""
    listed = json.loads((KIT / "manifest.json").read_text())
    for case in listed["cases"]:
        for folder, wanted in (("cases", case["sha256"]["case"]), ("expected", case["sha256"]["expected"])):
            path = KIT / folder / f"{case['name']}.safetensors"
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
                sys.exit(f"error: {path} is missing or not what the manifest lists; write the kit again")
    return listed


def compare(expected, given, tolerance):
    """What is wrong with a case's outputs, in words; and which of tied latents it kept. Empty where all is right."""
    faults, z, want = [], given.get("latents"), expected["latents"]
    xhat, target = given.get("reconstruction"), expected["reconstruction"]
    for name, have, shape in (("latents", z, want.shape), ("reconstruction", xhat, target.shape)):
        if have is None or have.shape != shape:
            return [f"{name}: {'missing' if have is None else list(have.shape)}, wanted {list(shape)}"], ""
        if not np.isfinite(have).all():
            return [f"{name}: not finite in row {int(np.argwhere(~np.isfinite(have))[0][0])}"], ""
    z, xhat = z.astype(np.float64), xhat.astype(np.float64)
    clear, bound = ~expected["tied"], tolerance * expected["scale"].astype(np.float64)[:, None]

    other = ((z != 0) != (want != 0)) & (np.maximum(abs(z), abs(want)) > bound)
    if other[clear].any():
        row, latent = np.argwhere(other & clear[:, None])[0]
        faults.append(
            f"{int(other[clear].sum())} latents kept otherwise, first latent {latent} of row {row}:"
            f" {z[row, latent]:.6g}, wanted {want[row, latent]:.6g}"
        )
    off = (abs(z - want) > bound) & ~other
    if off[clear].any():
        row, latent = np.argwhere(off & clear[:, None])[0]
        faults.append(
            f"{int(off[clear].sum())} latents of other value, first latent {latent} of row {row}:"
            f" {z[row, latent]:.8g}, wanted {want[row, latent]:.8g}"
        )
    allowed = tolerance * abs(target).max(1, keepdims=True)
    wrong = (abs(xhat - target) > allowed)[clear]
    if wrong.any():
        row = int(np.flatnonzero(clear)[np.argwhere(wrong)[0][0]])
        most = abs(xhat[row] - target[row]).max()
        faults.append(f"{int(wrong.any(1).sum())} rows reconstructed otherwise, first row {row}: off by {most:.3g}")

    # Which of two equal latents is kept is the implementation's affair, how many and how large they are is not.
    tied = expected["tied"]
    sizes = [np.sort(abs(one[tied]), 1) for one in (z, want.astype(np.float64))]
    if (abs(sizes[0] - sizes[1]) > bound[tied]).any():
        faults.append(f"other latents than one of the tied, in {int((abs(sizes[0] - sizes[1]) > bound[tied]).any(1).sum())} rows")
        return faults, ""
    lower = int((~other[tied]).all(1).sum())
    return faults, f"ties: the lower latent in {lower} of {int(tied.sum())} rows" if tied.any() else ""


def check(listed, folder):
    """Prints a line for each case whose outputs lie in a folder. Gives how many were right, wrong, and not computed."""
    counts = {"right": 0, "wrong": 0, "not computed": 0}
    for case in listed["cases"]:
        name, path = case["name"], Path(folder) / f"{case['name']}.safetensors"
        if not path.is_file():
            counts["not computed"] += 1
            print(f"{name}: not computed")
            continue
        try:
            given, _ = read(path)
        except (ValueError, KeyError, AttributeError) as error:
            faults, note = [f"its file cannot be read: {error}"], ""
        else:
            faults, note = compare(read(KIT / "expected" / path.name)[0], given, listed["tolerance"])
        counts["wrong" if faults else "right"] += 1
        print(f"{name}: {'; '.join(faults) or 'right'}{f' ({note})' if note else ''}")
        if faults:
            print(f"  it catches: {case['trap']}")
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return counts


def main(command):
    if not command:
        sys.exit("error: which command? python run.py COMMAND...; it gets a folder to read and one to write")
    listed = manifest()
    with tempfile.TemporaryDirectory() as work:
        cases, out = Path(work) / "cases", Path(work) / "out"
        shutil.copytree(KIT / "cases", cases)
        out.mkdir()
        try:
            done = subprocess.run([*command, str(cases), str(out)])
        except OSError as error:
            sys.exit(f"error: {command[0]} cannot be run: {error.strerror}")
        if done.returncode != 0:
            sys.exit(f"error: {command[0]} ended with code {done.returncode}; leave out what cannot be computed, and end with 0")
        counts = check(listed, out)
    sys.exit(1 if counts["wrong"] or not counts["right"] else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
