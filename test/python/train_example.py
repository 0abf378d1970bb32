"""examples/python/train.py, with what another trainer needs to do the same: train_example.py GRAPH ROWS.npy EPOCHS FOLDER

Writes into FOLDER, as .npy: the first state (first.NAME), order [epochs, rows], loss [epochs, steps], and the last state (NAME).
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples/python"))
import numpy as np
import onnxruntime
from train import first_state, train

graph, rows, epochs, folder = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
first = first_state(session, np.random.default_rng(1))
losses, state = [], first
for loss, state in train(session, rows, first, epochs, np.random.default_rng(2)):
    losses.append(loss)
same = np.random.default_rng(2)
order = [same.permutation(len(rows)) for _ in range(epochs)]
for name, value in {"order": order, "loss": losses, **{f"first.{one}": first[one] for one in first}, **state}.items():
    np.save(folder / f"{name}.npy", np.asarray(value))
