"""What the cases of a conformance kit compute, in numpy and float32: reference.py KIT CASES OUT

A small implementation by the kit's README.md, of many small methods: mutants.py breaks them one by one. `run.py` of the kit reads and writes files.
"""
import json
import sys
from pathlib import Path

import numpy as np


class Sae:
    def __init__(self, words, tensors):
        self.words, self.tensors = words, self.weights(tensors)
        self.lengths = np.linalg.norm(self.tensors["W_dec"], axis=1)

    def weights(self, tensors):
        return {name: value.astype(np.float32) for name, value in tensors.items()}

    def run(self, activations):
        """Latents and reconstruction [rows, ...]."""
        x = self.scaled(activations)
        z = self.latents(self.input(x))
        return z, self.restored(self.decode(z) + self.skip(x), activations)

    # What is done to rows, and undone.
    def mean(self):
        return self.tensors["mean"] if self.words["centred"] else np.float32(0)

    def factor(self):
        return np.float32(self.words["input_factor"])

    def statistics(self, x):
        """What is taken off a row, what it is divided by, and what it is multiplied by in the end."""
        if self.words["normalise"] == "layer_norm":
            std = x.std(1, keepdims=True, ddof=1)
            return x.mean(1, keepdims=True), std + np.float32(1e-5), std
        if self.words["normalise"] == "constant_norm":
            size = np.sqrt((x * x).mean(1, keepdims=True))
            return np.float32(0), np.where(size == 0, np.float32(1), size), size
        return np.float32(0), np.float32(1), np.float32(1)

    def scaled(self, activations):
        x = activations - self.mean()
        shift, size, _ = self.statistics(x)
        return (x - shift) / size * self.factor()

    def undoes(self):
        return not self.words["transcoder"]

    def restored(self, y, activations):
        if not self.undoes():
            return y
        shift, _, back = self.statistics(activations - self.mean())
        return y / self.factor() * back + shift + self.mean()

    # Encoder.
    def subtracts(self):
        return self.words["subtract_b_dec"]

    def input(self, x):
        return x - self.tensors["b_dec"] if self.subtracts() else x

    def rescales(self):
        return self.words["decoder_norm"] == "rescale"

    def latents(self, u):
        if self.words["activation"] == "matching_pursuit":
            return self.matching_pursuit(u)
        v = u @ self.tensors["W_enc"].T
        if self.words["activation"] == "gated":
            return self.gated(v)
        pre = v + self.tensors["b_enc"]
        return getattr(self, self.words["activation"])(pre * self.lengths if self.rescales() else pre)

    def relu(self, pre):
        return np.maximum(pre, 0)

    def largest(self, scores):
        """Which latents are the k largest of each row; of equal ones the lower."""
        order = np.argsort(-scores, axis=1, kind="stable")[:, : self.words["k"]]
        kept = np.zeros(scores.shape, bool)
        np.put_along_axis(kept, order, True, 1)
        return kept

    def topk(self, pre):
        return np.where(self.largest(pre), np.maximum(pre, 0), 0)

    def abstopk(self, pre):
        return np.where(self.largest(abs(pre)), pre, 0)

    def threshold(self):
        return np.maximum(self.tensors["threshold"], 0)

    def compared(self, pre):
        return pre * self.lengths if self.words["decoder_norm"] == "threshold" else pre

    def jumprelu(self, pre):
        return np.where(self.compared(pre) > self.threshold(), pre, 0)

    def batchtopk(self, pre):
        return self.jumprelu(pre)

    def gain(self):
        return np.exp(self.tensors["r_mag"])

    def gated(self, v):
        return np.where(v + self.tensors["b_gate"] > 0, np.maximum(v * self.gain() + self.tensors["b_mag"], 0), 0)

    def groupmax(self, pre):
        groups = pre.reshape(len(pre), self.words["k"], -1)
        first = np.arange(groups.shape[2]) == groups.argmax(2)[..., None]
        return np.where(first, np.maximum(groups, 0), 0).reshape(pre.shape)

    def matching_pursuit(self, left):
        rows, z = np.arange(len(left)), np.zeros((len(left), len(self.tensors["W_dec"])), np.float32)
        for _ in range(self.words["k"]):
            products = left @ self.tensors["W_dec"].T
            best = products.argmax(1)
            value = np.maximum(products[rows, best], 0)
            z[rows, best] += value
            left = left - value[:, None] * self.tensors["W_dec"][best]
        return z

    # Decoder.
    def decode(self, z):
        return (z / self.lengths if self.rescales() else z) @ self.tensors["W_dec"] + self.tensors["b_dec"]

    def skip(self, x):
        return x @ self.tensors["W_skip"].T if self.words["skip"] else np.float32(0)


def compute(kit, implementation, cases, out):
    """Writes the outputs of every case of a folder into another; `kit` is the kit's run.py."""
    for path in sorted(Path(cases).glob("*.safetensors")):
        tensors, metadata = kit.read(path)
        activations = tensors.pop("activations")
        with np.errstate(all="ignore"):
            z, y = implementation(json.loads(metadata["words"]), tensors).run(activations)
        kit.write(Path(out) / path.name, {"latents": z, "reconstruction": y})


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import run

    compute(run, Sae, *sys.argv[2:])
