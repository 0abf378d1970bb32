"""Checkpoints as torch.save writes them, the experiment's and others: .venv/bin/python -I checkpoints.py FOLDER (`npm run python` makes it).

Beside each that can be imported NAME.npz: rows x, and the latents and reconstruction torch makes of them, float64."""
import sys
from collections import OrderedDict
from pathlib import Path
import numpy as np
import torch

n, d, k = 6, 8, 2
folder = Path(sys.argv[1])
g = torch.Generator().manual_seed(3)
r = lambda *shape: torch.randn(*shape, generator=g)

def state(**change):
    tensors = {"encoder.weight": r(d, n), "encoder.bias": r(d), "decoder.weight": r(n, d), "decoder.bias": r(n), **change}
    return OrderedDict((name, one) for name, one in tensors.items() if one is not None)

def save(name, tensors=None, config={}, top={}, drop=(), **options):
    config = {name: value for name, value in dict(input_dim=n, latent_dim=d, k=k, position=3, layer=14, **config).items()} if isinstance(config, dict) else config
    whole = {"model_state_dict": tensors or state(), "config": config, "metrics": {"explained_variance": 0.5}, **top}
    torch.save({key: value for key, value in whole.items() if key not in drop}, folder / f"{name}.pt", **options)

def told(name, **config):
    save(name)
    whole = torch.load(folder / f"{name}.pt")
    whole["config"].update(config)
    torch.save({**whole, "config": {key: value for key, value in whole["config"].items() if value != "gone"}}, folder / f"{name}.pt")

def expected(name):
    w = {key: one.detach().double() for key, one in torch.load(folder / f"{name}.pt")["model_state_dict"].items()}
    x = r(10, n).double()
    pre = x @ w["encoder.weight"].T + w["encoder.bias"]
    at = pre.abs().topk(k).indices
    z = torch.zeros_like(pre).scatter(1, at, pre.gather(1, at))
    y = z @ w["decoder.weight"].T + w["decoder.bias"]
    np.savez(folder / f"{name}.npz", x=x.numpy(), latents=z.numpy(), reconstruction=y.numpy())

# What is read, however it is stored.
save("plain")
told("gpt2", model="gpt2")
told("nowhere", layer="gone", position="gone")
for name, change in dict(half=torch.Tensor.half, bfloat16=torch.Tensor.bfloat16, double=torch.Tensor.double, parameters=torch.nn.Parameter).items():
    save(name, OrderedDict((key, change(one)) for key, one in state().items()))
W, both = r(d, n), r(2 * d, n)
save("tied", state(**{"encoder.weight": W, "decoder.weight": W.t()}))
save("views", state(**{"encoder.weight": both[d:], "decoder.weight": both[:d].t()}))
for name in ("plain", "gpt2", "nowhere", "half", "bfloat16", "double", "parameters", "tied", "views"):
    expected(name)

# What is not.
told("k_zero", k=0)
told("k_large", k=d + 1)
told("k_half", k=2.5)
told("k_missing", k="gone")
told("layer_text", layer="14")
told("width", input_dim=n + 1)
told("latents", latent_dim=d - 1)
told("unknown_setting", signed=True)
save("unknown_key", top={"ema": {}})
save("no_config", drop=["config"])
save("no_bias", state(**{"encoder.bias": None}))
save("another_tensor", state(threshold=r(d)))
save("bias_width", state(**{"decoder.bias": r(n + 1)}))
save("not_transposed", state(**{"decoder.weight": r(d, n)}))
save("nan", state(**{"decoder.bias": torch.full((n,), float("nan"))}))
save("integers", state(**{"encoder.bias": torch.arange(d)}))
save("complex", state(**{"encoder.bias": torch.complex(r(d), r(d))}))
save("sparse", state(**{"encoder.weight": r(d, n).to_sparse()}))
save("quantised", state(**{"encoder.weight": torch.quantize_per_tensor(r(d, n), 0.1, 0, torch.qint8)}))
save("legacy", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(n, d), folder / "module.pt")
torch.save(state(), folder / "state_dict.pt")
torch.save(r(d, n), folder / "tensor.pt")
torch.save({"activation": "TopK", "activation_state_dict": {"k": 32}, "pre_bias": r(n), "latent_bias": r(d)}, folder / "openai.pt")
