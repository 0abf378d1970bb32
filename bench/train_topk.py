"""Trains one TopK SAE in PyTorch, float32: what npm run bench compares with.

Run: /usr/bin/python3 train_topk.py --latent-dim 512 --k 10 [--seed 0] (Debian: python3-torch, python3-numpy). Prints one JSON object.
The recipe is written from its description and shares no code with src; initial weights and shuffles come from torch's generator, so only
distributions can agree with another implementation, not digits. `--preset report`: signed top-|pre|, no decoder bias, decoder rows unit
length after every step; `--preset original`: decoder bias, unit length at initialisation only. The last partial batch of an epoch counts.
Measured on validation rows: all but `feature_death_rate` and `num_active_features`, which take every row.
"""
import argparse
import json
import resource
import struct
import time
from pathlib import Path

import numpy as np
import torch

EXAMPLE = Path(__file__).parents[1] / "examples/data/use-lite-resid0-pos3.safetensors"
NUMPY_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}


def read_tensor(path, name):
    """One tensor of a .safetensors file as float32: 8 bytes of header length, a JSON header, then the data."""
    raw = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", raw)
    entry = json.loads(raw[8 : 8 + length])[name]
    start, end = (8 + length + offset for offset in entry["data_offsets"])
    values = np.frombuffer(raw[start:end], NUMPY_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return torch.from_numpy(values.astype(np.float32))


def uniform(shape, bound):
    return (2 * torch.rand(*shape) - 1) * bound


def unit_rows(w):
    return w / w.norm(dim=1, keepdim=True)


def initial(input_dim, latent_dim, decoder_bias):
    """PyTorch's Linear initialisation, then decoder rows of unit length."""
    inner, outer = input_dim**-0.5, latent_dim**-0.5
    p = {
        "W_enc": uniform((latent_dim, input_dim), inner),
        "b_enc": uniform((latent_dim,), inner),
        "W_dec": unit_rows(uniform((latent_dim, input_dim), outer)),
    }
    if decoder_bias:
        p["b_dec"] = uniform((input_dim,), outer)
    return {name: value.requires_grad_() for name, value in p.items()}


def forward(p, x, k):
    """Latents and reconstruction."""
    pre = x @ p["W_enc"].T + p["b_enc"]
    indices = pre.abs().topk(k, dim=1).indices
    z = torch.zeros_like(pre).scatter(1, indices, pre.gather(1, indices))
    return z, z @ p["W_dec"] + p.get("b_dec", 0)


def loss_of(p, x, k):
    return torch.nn.functional.mse_loss(forward(p, x, k)[1], x)


def train(x, p, args):
    """Trains p in place; milliseconds per step."""
    adam = torch.optim.Adam(p.values(), lr=args.learning_rate, **({"fused": True} if args.adam == "fused" else {}))
    compiled = torch.compile(loss_of) if args.compile else loss_of
    if args.compile:
        # Compiled before the clock runs, for whole batches and the last one.
        for size in {min(args.batch_size, len(x)), len(x) % args.batch_size or args.batch_size}:
            compiled(p, x[:size], args.k).backward()
        adam.zero_grad()
    steps, start = 0, time.perf_counter()
    for _ in range(args.epochs):
        for rows in torch.randperm(len(x)).split(args.batch_size):
            batch = x[rows]
            adam.zero_grad()
            compiled(p, batch, args.k).backward()
            adam.step()
            if args.preset == "report":
                with torch.no_grad():
                    p["W_dec"].copy_(unit_rows(p["W_dec"]))
            steps += 1
    return 1000 * (time.perf_counter() - start) / steps


@torch.no_grad()
def measure(p, x, train_rows, k):
    z_all, _ = forward(p, x, k)
    fired = (z_all != 0).any(0)
    v = x[train_rows:]
    z, y = forward(p, v, k)
    v, y, size = v.double(), y.double(), z[z != 0].abs()
    residual = v - y
    return {
        "explained_variance": 1 - (residual.var() / v.var()).item(),
        "explained_variance_centered": 1 - (residual.pow(2).sum() / (v - v.mean(0)).pow(2).sum()).item(),
        "reconstruction_loss": residual.pow(2).mean().item(),
        "feature_death_rate": 1 - fired.double().mean().item(),
        "num_active_features": int(fired.sum()),
        "mean_activation": size.mean().item(),
        "median_activation": size.median().item(),
        "max_activation": size.max().item(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=EXAMPLE)
    parser.add_argument("--tensor", default="activations")
    parser.add_argument("--train-rows", type=int, default=5978)
    parser.add_argument("--preset", choices=("report", "original"), default="report")
    parser.add_argument("--latent-dim", type=int, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--adam", choices=("plain", "fused"), default="plain", help="fused: one pass over a parameter, of newer versions")
    parser.add_argument("--compile", action="store_true", help="torch.compile; not counted in the time of a step")
    parser.add_argument("--write", help="file for the weights, as torch.save writes them")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    x = read_tensor(args.data, args.tensor)
    p = initial(x.shape[1], args.latent_dim, decoder_bias=args.preset == "original")
    ms = train(x[: args.train_rows], p, args)
    if args.write:
        torch.save({name: value.detach() for name, value in p.items()}, args.write)
    print(json.dumps({
        "preset": args.preset, "latent_dim": args.latent_dim, "k": args.k, "seed": args.seed,
        **measure(p, x, args.train_rows, args.k),
        "ms_per_step": round(ms, 2), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "threads": args.threads, "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
