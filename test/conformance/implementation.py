"""A small implementation of sparse autoencoders in numpy, and faults that libraries had: implementation.py [FAULT] INPUT OUTPUT

FAULT is one of the names below: what it makes wrong was wrong in a release of the library named there.
"""
import json
import sys

import numpy as np

faults = {
    "topk-as-relu": "SAELens read TopK SAEs as ReLU (issues 308, 553)",
    "batchtopk-as-relu": "SAELens ran BatchTopK as ReLU (issue 608)",
    "fold-without-b-dec": "SAELens folded the inputs' factor into W_enc and W_dec, not into b_dec (issue 354)",
    "b-dec-on-transcoders": "SAELens took b_dec off the input of transcoders (issue 516)",
    "signs-dropped": "sparsify since August 2024 drops `signed: true` and keeps the largest of ReLU",
    "b-dec-forgotten": "SAELens read sparsify's files with normalize_decoder without b_dec on the input",
    "decoder-transposed": "SAELens transposed sparsify's W_dec, which is no Linear's",
    "bfloat16-threshold": "SAELens trained and kept thresholds in bfloat16 (issue 728)",
    "rescale-forgotten": "SAELens loads rescale_acts_by_decoder_norm as false where the file does not say it",
    "k-of-the-batch": "BatchTopK kept k a row over the batch when it was not training, so that a row depended on its neighbours",
    "std-of-n": "layer norm as most have it: std over n, 1e-5 added to the variance, where OpenAI and SAELens have neither",
    "autocast": "sparsify computes in bfloat16 on CUDA",
}


def bfloat16(values):
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype("<u4").view("<f4").reshape(values.shape).astype("f8")


def read(path):
    data = open(path, "rb").read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    settings = json.loads(header.pop("__metadata__")["sae"])
    tensors = {}
    for name, one in header.items():
        raw = data[start + one["data_offsets"][0] : start + one["data_offsets"][1]]
        if one["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[one["dtype"]])
        tensors[name] = values.reshape(one["shape"]).astype("f8")
    return settings, tensors


def write(path, tensors):
    at, header = 0, {}
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [at, at + 4 * value.size]}
        at += 4 * value.size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(v.astype("<f4").tobytes() for v in tensors.values()))


def normalised(x, how, factor, fault):
    """Rows as the encoder sees them, and how a reconstruction goes back."""
    n = x.shape[1]
    if how == "factor":
        return x * factor, lambda y: y / factor
    if how == "constant_norm":
        length = np.linalg.norm(x, axis=1, keepdims=True) / n**0.5
        return x / length, lambda y: y * length
    if how == "layer_norm":
        mean, std = x.mean(1, keepdims=True), x.std(1, ddof=0 if fault == "std-of-n" else 1, keepdims=True)
        divisor = (std**2 + 1e-5) ** 0.5 if fault == "std-of-n" else std + 1e-5
        return (x - mean) / divisor, lambda y: y * std + mean
    return x, lambda y: y


def largest(scores, k):
    """Whether a latent is among the k largest; of equal ones the lower number is."""
    mask = np.zeros(scores.shape, bool)
    np.put_along_axis(mask, np.argsort(-scores, axis=1, kind="stable")[:, :k], True, axis=1)
    return mask


def pursuit(u, rows, k):
    z = np.zeros((len(u), len(rows)))
    for _ in range(k):
        products = u @ rows.T
        best = products.argmax(1)
        size = np.maximum(products[np.arange(len(u)), best], 0)
        z[np.arange(len(u)), best] += size
        u = u - size[:, None] * rows[best]
    return z


def run(sae, tensors, fault):
    w, x = dict(tensors), tensors["x"]
    if fault == "autocast":
        w = {name: bfloat16(value) for name, value in w.items()}
        x = w["x"]
    if fault == "decoder-transposed" and w["W_dec"].shape[0] == w["W_dec"].shape[1]:
        w["W_dec"] = w["W_dec"].T
    if fault == "bfloat16-threshold" and "threshold" in w:
        w["threshold"] = bfloat16(w["threshold"])
    u, back = normalised(x, sae["normalise"], sae.get("factor"), fault)
    b_dec, kind, k = w["b_dec"], sae["architecture"], sae.get("k")
    if fault == "fold-without-b-dec" and sae["normalise"] == "factor":
        b_dec = b_dec * sae["factor"]
    takes_off = sae["subtract_b_dec"] and fault != "b-dec-forgotten"
    if takes_off or (fault == "b-dec-on-transcoders" and sae["transcoder"] and u.shape[1] == len(b_dec)):
        u = u - w["b_dec"]
    if kind == "matching_pursuit":
        z = pursuit(u, w["W_dec"], k)
        return z, back(z @ w["W_dec"] + b_dec)
    v = u @ w["W_enc"]
    pre = v + w.get("b_enc", 0)
    rescales = sae["rescale_by_decoder_norm"] and fault != "rescale-forgotten"
    lengths = np.linalg.norm(w["W_dec"], axis=1) if rescales else 1
    pre = pre * lengths
    positive = np.maximum(pre, 0)
    if kind == "relu" or (kind == "topk" and fault == "topk-as-relu"):
        z = positive
    elif kind == "topk":
        by_size = sae["select"] == "magnitude" and fault != "signs-dropped"
        z = np.where(largest(np.abs(pre), k), pre, 0) if by_size else np.where(largest(pre, k), positive, 0)
    elif kind == "jumprelu":
        z = np.where(pre > w["threshold"], positive, 0)
        same = np.all(w["threshold"] == np.ravel(w["threshold"])[0])
        if same and fault == "batchtopk-as-relu":
            z = positive
        if same and fault == "k-of-the-batch":
            z = np.where(largest(positive.reshape(1, -1), (z != 0).sum(1).mean().round().astype(int) * len(x)).reshape(z.shape), positive, 0)
    elif kind == "gated":
        z = np.where(v + w["b_gate"] > 0, np.maximum(np.exp(w["r_mag"]) * v + w["b_mag"], 0), 0)
    else:
        groups = pre.reshape(len(x), k, -1)
        first = groups.argmax(2)[:, :, None] == np.arange(groups.shape[2])
        z = np.maximum(np.where(first, groups, 0), 0).reshape(pre.shape)
    again = (z / lengths) @ w["W_dec"] + b_dec
    skipped = x @ w["W_skip"].T if "W_skip" in w else 0
    return z, (again if sae["transcoder"] else back(again)) + skipped


if __name__ == "__main__":
    *named, source, output = sys.argv[1:]
    if named and named[0] not in faults:
        sys.exit(f"no such fault: {named[0]}")
    z, again = run(*read(source), *(named or [None]))
    write(output, {"latents": z, "reconstruction": again})
