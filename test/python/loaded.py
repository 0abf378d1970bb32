"""What other libraries make of the folders that `export --format` writes: loaded.py LIBRARY ROWS.npy FOLDER...

Writes latents.npy and reconstruction.npy of the rows into each folder.
"""
import sys
from pathlib import Path

import numpy as np
import torch


def saelens(folder, x):
    from sae_lens import SAE

    sae = SAE.load_from_disk(folder, device="cpu")
    return sae.encode(x), sae(x)


def sparsify(folder, x):
    from sparsify import SparseCoder

    sae = SparseCoder.load_from_disk(folder, device="cpu")
    values, at, _ = sae.encode(x)
    z = torch.zeros(len(x), sae.num_latents).scatter(1, at, values)
    return z, sae.decode(values, at) + (0 if sae.W_skip is None else x @ sae.W_skip.mT)


def dictionary_learning(folder, x):
    sys.path.insert(0, str(Path(__file__).parent))
    import stubs  # noqa: F401
    from dictionary_learning.utils import load_dictionary

    sae, _ = load_dictionary(folder, "cpu")
    return sae.encode(x), sae(x)


libraries = {"saelens": saelens, "sparsify": sparsify, "dictionary-learning": dictionary_learning}
library, rows, *folders = sys.argv[1:]
x = torch.from_numpy(np.load(rows))
for folder in map(Path, folders):
    with torch.no_grad():
        outputs = libraries[library](str(folder), x)
    for name, value in zip(("latents", "reconstruction"), outputs):
        np.save(folder / f"{name}.npy", value.numpy())
