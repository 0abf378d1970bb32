"""Checks .onnx files with the reference Python package: the full checker and strict shape inference.

Run: .venv/bin/python check_onnx.py FILE... (`npm run python` makes it). Prints `ok NAME` or `bad NAME: reason`, one line per file;
exit code 1 if any file is bad, 2 without files. A model that fails only when inference also propagates data is `ok`, with a note on stderr: this
version gives up there on some valid graphs. Both checks take the path, so external data beside the file is found; no file is changed.
"""
import os
import sys
import tempfile

import onnx.checker
import onnx.shape_inference


def one_line(error):
    """The error's text on one line, or its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def infer(path):
    """Strict shape inference, then again propagating data; where only the second fails, its message is returned."""
    with tempfile.TemporaryDirectory() as folder:
        # Without an output path this function, and check_model(path, full_check=True) with it, overwrites the model.
        inferred = os.path.join(folder, "inferred.onnx")
        onnx.shape_inference.infer_shapes_path(path, inferred, check_type=True, strict_mode=True)
        try:
            onnx.shape_inference.infer_shapes_path(path, inferred, check_type=True, strict_mode=True, data_prop=True)
        except Exception as error:
            return one_line(error)
    return None


def check(path):
    """What is bad about the file, or None; and a remark, or None."""
    if not os.path.isfile(path):
        return "no such file", None
    try:
        onnx.checker.check_model(path)
        return None, infer(path)
    except Exception as error:
        return one_line(error), None


def main(paths):
    if not paths:
        print("usage: check_onnx.py FILE...", file=sys.stderr)
        return 2
    bad = 0
    for path in paths:
        why, remark = check(path)
        bad += why is not None
        print(f"ok {path}" if why is None else f"bad {path}: {why}", flush=True)
        if remark is not None:
            print(f"note {path}: with data propagation: {remark}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
