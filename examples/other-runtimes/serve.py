"""What serve.mjs is, for runtimes in Python."""
import json
import sys

import numpy as np


def answer(load, job):
    rows, batch = job["rows"], job["batch"]
    inputs = {
        name: (np.fromfile(one["file"], np.float32).reshape(one["dims"]), one["perRow"])
        for name, one in job["inputs"].items()
    }
    run = load(job["model"])
    parts = {}
    for start in range(0, rows, batch):
        found = run({name: x[start : start + batch] if per_row else x for name, (x, per_row) in inputs.items()})
        for name in job["outputs"]:
            if name in found:
                parts.setdefault(name, []).append(found[name])
    outputs = {}
    for name, batches in parts.items():
        whole = np.concatenate(batches)
        whole.tofile(f"{job['folder']}/{name}")
        outputs[name] = {"dtype": str(whole.dtype), "dims": whole.shape}
    return {"outputs": outputs}


def serve(start):
    """Answers jobs, one JSON object a line; `start` gives a name and a function from a model's path to one from inputs to outputs."""

    def say(what):
        print(json.dumps(what), flush=True)

    try:
        name, load = start()
    except Exception as error:
        return say({"missing": str(error)})
    say({"name": name})
    for line in sys.stdin:
        try:
            said = answer(load, json.loads(line))
        except Exception as error:
            said = {"refused": " ".join(str(error).split())}
        say(said)
