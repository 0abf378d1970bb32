"""One epoch of a training graph on Python's onnxruntime: a training graph is a function of its inputs, like any other.

Run: python3 train_epoch.py FOLDER. FOLDER holds graph.onnx (`sae-onnx build-graph --step dense`) and NAME.npy for each of its inputs:
activations [rows, inputDim], order [visits], batches [steps, 2] (int64) and the state (W_enc, m.W_enc, ...); every output is written to NAME.npy.
"""
import sys
from pathlib import Path

import numpy as np
import onnxruntime

folder = Path(sys.argv[1])
session = onnxruntime.InferenceSession(folder / "graph.onnx", providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
results = session.run(names, {one.name: np.load(folder / f"{one.name}.npy") for one in session.get_inputs()})
for name, value in zip(names, results):
    np.save(folder / f"{name}.npy", value)
print("mean loss", np.mean(results[names.index("loss")]))
