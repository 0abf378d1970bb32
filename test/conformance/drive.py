"""Implementations tried on a kit in one process: drive.py KIT implementation|saelens

Prints JSON: for each fault of implementation.py, or for SAELens as it is, what is said of each case. "" is right, null is refused.
"""
import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, str(Path(__file__).parent))
import check
from implementation import read

by = importlib.import_module({"implementation": "implementation", "saelens": "by_saelens"}[sys.argv[2]])
manifest = json.loads((check.kit / "kit.json").read_text())


def said(case, fault):
    try:
        z, again = by.run(*read(check.kit / "cases" / f"{case['name']}.input.safetensors"), fault)
    except NotImplementedError:
        return None
    given = {"latents": z.astype("f4").astype("f8"), "reconstruction": again.astype("f4").astype("f8")}
    return check.complaint(case, given, manifest["tolerance"])[0] or ""


print(json.dumps({fault: {case["name"]: said(case, fault) for case in manifest["cases"]} for fault in ["", *by.faults]}))
