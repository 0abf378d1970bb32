"""Trains an SAE in Python's onnxruntime: python train.py GRAPH.onnx ROWS.npy OUT.npz [EPOCHS]

GRAPH.onnx is what `sae-onnx build-graph --step dense` writes, ROWS.npy a matrix [rows, inputDim]. A graph takes the whole state (parameters,
Adam's moments, ...) and gives the next one: the state is fed back. OUT.npz gets the last state.
"""
import json
import sys

import numpy as np
import onnxruntime


def first_state(session, rng):
    """Weights as torch.nn.Linear draws them, decoder rows of length 1; all else starts at zero."""
    given = [one for one in session.get_inputs() if one.name not in ("activations", "order", "batches")]
    state = {one.name: np.zeros(one.shape, np.float32) for one in given}
    bound = state["W_enc"].shape[1] ** -0.5
    for name in ("W_enc", "b_enc", "W_dec"):
        state[name] = rng.uniform(-bound, bound, state[name].shape).astype(np.float32)
    state["W_dec"] /= np.linalg.norm(state["W_dec"], axis=1, keepdims=True)
    return state


def train(session, x, state, epochs, rng):
    """Gives the losses of each epoch's steps, and the state after it."""
    size = json.loads(session.get_modelmeta().custom_metadata_map["config"])["batch_size"]
    starts = np.arange(0, len(x), size)
    batches = np.stack([starts, np.minimum(starts + size, len(x))], axis=1)
    names = [one.name for one in session.get_outputs()]
    for _ in range(epochs):
        feeds = {"activations": x, "order": rng.permutation(len(x)), "batches": batches}
        given = dict(zip(names, session.run(names, feeds | state)))
        state = {name: given[f"{name}_next"] for name in state}
        yield given["loss"], state


if __name__ == "__main__":
    graph, rows, out, *rest = sys.argv[1:]
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [one for one in wanted if one in onnxruntime.get_available_providers()]
    session = onnxruntime.InferenceSession(graph, providers=providers)
    rng = np.random.default_rng(0)
    state = first_state(session, rng)
    for losses, state in train(session, np.load(rows).astype(np.float32), state, int(rest[0]) if rest else 5, rng):
        print(f"loss {losses.mean():.4f}")
    np.savez(out, **state)
