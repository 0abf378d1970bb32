"""Activations as people save them with torch.save, and x.npy, what all of them hold: activations.py FOLDER."""
import sys
from pathlib import Path
import numpy as np
import torch

folder = Path(sys.argv[1])
x = torch.randn(40, 6, generator=torch.Generator().manual_seed(5))
np.save(folder / "x.npy", x.numpy())

# What is read.
torch.save(x, folder / "plain.pt")
torch.save({"acts": x}, folder / "acts.pt")
torch.save({"activations": x, "other": x + 1}, folder / "activations.pt")
torch.save({"acts": x.half().float(), "tokens": torch.arange(40), "layer": 3, "mean": x.mean(0)}, folder / "beside.pt")
torch.save(torch.cat([x, x])[40:], folder / "view.pt")
torch.save({"acts": x, "metadata": {"positions": list(range(40))}}, folder / "metadata.pt")

# What is not.
torch.save(x, folder / "legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"a": x, "b": x}, folder / "several.pt")
torch.save({"layer": 3}, folder / "none.pt")
torch.save({}, folder / "empty.pt")
torch.save([x, x], folder / "list.pt")
torch.save(x[:, 0], folder / "flat.pt")
torch.save({"acts": x.long()}, folder / "integers.pt")
torch.save(x.t(), folder / "transposed.pt")
