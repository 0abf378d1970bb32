"""Frozen models in Python's onnxruntime: onnx_models.py ROWS.npy FOLDER...

Each folder has encoder.onnx, autoencoder.onnx and evaluator.onnx of one SAE. Writes the encoder's latents.npy and the autoencoder's
reconstruction.npy into it. The autoencoder must give the encoder's latents, and the evaluator what follows from both.
"""
import sys
from pathlib import Path

import numpy as np
import onnxruntime

x = np.load(sys.argv[1])


def run(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, {"activations": x})))


for folder in map(Path, sys.argv[2:]):
    encoder, autoencoder, evaluator = (run(folder / f"{part}.onnx") for part in ("encoder", "autoencoder", "evaluator"))
    z, again = autoencoder["latents"], autoencoder["reconstruction"]
    assert np.array_equal(encoder["latents"], z), f"{folder}: the autoencoder's latents are not the encoder's"
    assert np.array_equal(evaluator["reconstruction"], again), f"{folder}: the evaluator reconstructs otherwise"
    fired = (z != 0).sum(0)
    assert np.array_equal(evaluator["featureDeath.count"], fired), f"{folder}: the evaluator counts otherwise"
    assert np.allclose(evaluator["latentStatistics.strongest"], np.abs(z).max(0), rtol=1e-5), f"{folder}: other largest values"
    np.save(folder / "latents.npy", encoder["latents"])
    np.save(folder / "reconstruction.npy", again)
