"""The kit's cases computed by SAELens itself."""
import numpy as np
import torch
from sae_lens.registry import get_sae_class

faults = ()
normalisations = {"none": "none", "factor": "expected_average_only_in", "layer_norm": "layer_norm", "constant_norm": "constant_norm_rescale"}
names = {"relu": "standard", "topk": "topk", "jumprelu": "jumprelu", "gated": "gated", "matching_pursuit": "matching_pursuit"}


def run(sae, tensors, _):
    if sae["architecture"] not in names:
        raise NotImplementedError
    name = names[sae["architecture"]]
    own = {}
    if name == "topk":
        name = "abstopk" if sae["select"] == "magnitude" else "topk"
        own = {"k": sae["k"], "rescale_acts_by_decoder_norm": sae["rescale_by_decoder_norm"]}
    if name == "matching_pursuit":
        own = {"max_iterations": sae["k"], "residual_threshold": 0.0, "stop_on_duplicate_support": False}
    if sae["transcoder"]:
        name = {"standard": "transcoder", "jumprelu": "jumprelu_transcoder"}[name]
        name = "skip_transcoder" if "W_skip" in tensors else name
        own["d_out"] = tensors["W_dec"].shape[1]
    w = {key: torch.tensor(value, dtype=torch.float32) for key, value in tensors.items()}
    x = w.pop("x")
    d_sae = len(w["W_dec"])
    if "threshold" in w:
        w["threshold"] = w["threshold"].expand(d_sae)
    sae_class, config_class = get_sae_class(name)
    made = sae_class(config_class(d_in=x.shape[1], d_sae=d_sae, apply_b_dec_to_input=sae["subtract_b_dec"],
                                  normalize_activations=normalisations[sae["normalise"]], **own))
    made.load_state_dict(w)
    if sae["normalise"] == "factor":
        made.fold_activation_norm_scaling_factor(sae["factor"])
    with torch.no_grad():
        return made.encode(x).numpy(), made(x).numpy()
