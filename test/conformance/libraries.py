"""The cases of a conformance kit in SAELens's and sparsify's own classes: libraries.py KIT CASES OUT

Leaves out what neither has.
"""
import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
import stubs  # noqa: F401
import torch

warnings.filterwarnings("ignore")
from sae_lens.registry import get_sae_class
from sparsify import SparseCoder, SparseCoderConfig

sys.path.insert(0, sys.argv[1])
import run


def sparsify(words, tensors, x):
    """None of a case that it has no words for."""
    if words["activation"] != "groupmax" or not words["subtract_b_dec"]:
        return None
    d, n = tensors["W_enc"].shape
    coder = SparseCoder(n, SparseCoderConfig(activation="groupmax", num_latents=d, k=words["k"]))
    with torch.no_grad():
        for name, value in {"W_dec": coder.W_dec, "b_dec": coder.b_dec, "W_enc": coder.encoder.weight, "b_enc": coder.encoder.bias}.items():
            value.copy_(tensors[name])
        values, at, _ = coder.encode(x)
        return torch.zeros(len(x), d).scatter(1, at, values), coder.decode(values, at)


names = {"relu": "standard", "topk": "topk", "abstopk": "abstopk", "jumprelu": "jumprelu", "batchtopk": "jumprelu", "gated": "gated",
         "matching_pursuit": "matching_pursuit"}
transcoders = {("relu", False): "transcoder", ("relu", True): "skip_transcoder", ("jumprelu", False): "jumprelu_transcoder",
               ("jumprelu", True): "jumprelu_skip_transcoder"}
norms = {"none": "none", "layer_norm": "layer_norm", "constant_norm": "constant_norm_rescale"}


def saelens(words, tensors, x):
    """None of a case that it has no class for."""
    activation = words["activation"]
    architecture = transcoders.get((activation, words["skip"])) if words["transcoder"] else names.get(activation)
    if architecture is None or words["centred"] or words["decoder_norm"] == "threshold":
        return None
    sae_class, config_class = get_sae_class(architecture)
    d, width = tensors["W_dec"].shape
    own = {"k": words["k"], "rescale_acts_by_decoder_norm": words["decoder_norm"] == "rescale"} if "topk" in architecture else {}
    if activation == "matching_pursuit":
        own = {"max_iterations": words["k"], "residual_threshold": 0.0, "stop_on_duplicate_support": False}
    if words["transcoder"]:
        own["d_out"] = width
    norm = "expected_average_only_in" if words["input_factor"] != 1 else norms[words["normalise"]]
    sae = sae_class(config_class(d_in=x.shape[1], d_sae=d, apply_b_dec_to_input=words["subtract_b_dec"], normalize_activations=norm, **own))
    with torch.no_grad():
        for name, value in sae.named_parameters():
            value.copy_(tensors[name].T if name == "W_enc" else tensors[name])
        if words["input_factor"] != 1:
            sae.fold_activation_norm_scaling_factor(words["input_factor"])
        return sae.encode(x), sae(x)


for path in sorted(Path(sys.argv[2]).glob("*.safetensors")):
    arrays, metadata = run.read(path)
    tensors = {name: torch.tensor(value).float() for name, value in arrays.items()}
    words, x = json.loads(metadata["words"]), tensors.pop("activations")
    given = saelens(words, tensors, x) or sparsify(words, tensors, x)
    if given:
        latents, reconstruction = (one.detach().float().numpy() for one in given)
        run.write(Path(sys.argv[3]) / path.name, {"latents": latents, "reconstruction": reconstruction})
