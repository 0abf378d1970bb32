"""What other libraries write and compute: peers.py FOLDER ROWS D_IN D_SAE

Makes every class of SAELens, sparsify and dictionary_learning with random weights, and the files of published releases, which
SAELens's own loaders read. Each is a folder FOLDER/LIBRARY/NAME with the library's files, import.json with what `import` is told,
and expected.safetensors: x [rows, d_in], latents [rows, d_sae] and reconstruction, as the library itself gives them in float32.
Nothing is downloaded.
"""
import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import stubs  # noqa: F401
import numpy as np
import torch
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
import dictionary_learning.utils as dictionary_utils
import sae_lens.loading.pretrained_sae_loaders as loaders
from dictionary_learning import dictionary as dictionaries
from sae_lens import SAE
from sae_lens.registry import get_sae_class, get_sae_training_class
from sae_lens.training.activation_scaler import ActivationScaler, ActivationWhitening
from sparsify import SparseCoder, SparseCoderConfig

root, rows, n, d = Path(sys.argv[1]), *map(int, sys.argv[2:5])
k = 5
torch.manual_seed(0)
x = torch.randn(rows, n) * 1.5 + torch.linspace(-1, 1, n)


def random(sae, unit=False):
    """Every parameter at random; thresholds above 0, gates of every size."""
    with torch.no_grad():
        for name, value in sae.named_parameters():
            value.copy_(torch.randn_like(value) * (0.4 if value.ndim > 1 else 0.3))
            if "threshold" in name:
                value.abs_()
        if unit:
            sae.W_dec /= sae.W_dec.norm(dim=-1, keepdim=True)
    return sae


def expect(folder, latents, reconstruction, told=None, x=x):
    save_file({"x": x.contiguous(), "latents": latents.detach().float().contiguous(), "reconstruction": reconstruction.detach().float().contiguous()},
              folder / "expected.safetensors")
    if told:
        (folder / "import.json").write_text(json.dumps(told))


def outputs(sae, x=x):
    with torch.no_grad():
        latents = sae.encode(x)
        again = sae(x)
    return latents, again


def place(library, name):
    folder = root / library / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# SAELens, for inference.
def saelens(name, architecture, told=None, hook=None, after=lambda sae: None, x=x, expected=None, **settings):
    sae_class, config_class = get_sae_class(architecture)
    transcodes = "transcoder" in architecture
    base = dict(d_in=n, d_sae=d, apply_b_dec_to_input=False, **({"d_out": n + 3} if transcodes else {}))
    sae = random(sae_class(config_class(**base | settings)), unit=architecture == "matching_pursuit")
    if hook:
        sae.cfg.metadata.hook_name = hook
    folder = place("saelens", name)
    sae.save_model(folder)
    after(sae)
    latents, again = outputs(sae, x)
    expect(folder, latents, again.flatten(1), told, x.flatten(1))


norms = ("none", "layer_norm", "constant_norm_rescale")
for architecture in ("standard", "gated", "jumprelu", "topk", "abstopk", "matching_pursuit"):
    own = {"k": k} if "topk" in architecture else {"max_iterations": k} if architecture == "matching_pursuit" else {}
    for norm in norms:
        for bias in (False, True):
            saelens(f"{architecture}-{norm}-{'bias' if bias else 'raw'}", architecture, normalize_activations=norm, apply_b_dec_to_input=bias, **own)
    saelens(f"{architecture}-factor", architecture, {"normFactor": 1.375}, normalize_activations="expected_average_only_in",
            apply_b_dec_to_input=True, after=lambda sae: sae.fold_activation_norm_scaling_factor(1.375), **own)
for architecture in ("topk", "abstopk"):
    saelens(f"{architecture}-rescale", architecture, k=k, rescale_acts_by_decoder_norm=True, apply_b_dec_to_input=True)
saelens("matching_pursuit-whole", "matching_pursuit", apply_b_dec_to_input=True)
saelens("matching_pursuit-length", "matching_pursuit", residual_threshold=2.0, stop_on_duplicate_support=False, apply_b_dec_to_input=True)
saelens("matching_pursuit-rounds", "matching_pursuit", residual_threshold=0.0, stop_on_duplicate_support=False, max_iterations=2 * k)
saelens("standard-hook_z", "standard", reshape_activations="hook_z", hook="blocks.0.attn.hook_z", x=x.reshape(rows, 4, n // 4), apply_b_dec_to_input=True)
for architecture in ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder"):
    for norm in norms:
        saelens(f"{architecture}-{norm}", architecture, normalize_activations=norm)

# SAELens, checkpoints of a training: what it saves for inference at its end, loaded again, is what they are.
for architecture in ("standard", "gated", "topk", "abstopk", "jumprelu", "batchtopk", "matryoshka_batchtopk", "matching_pursuit"):
    for outside in ("plain", "factor", "whitening"):
        if outside == "whitening" and architecture == "matching_pursuit":
            continue
        sae_class, config_class = get_sae_training_class(architecture)
        own = {"k": k} if "topk" in architecture else {"max_iterations": k} if architecture == "matching_pursuit" else {}
        own |= {"matryoshka_widths": [d // 4, d // 2, d]} if "matryoshka" in architecture else {}
        norm = {"plain": "none", "factor": "expected_average_only_in", "whitening": "covariance_whitening"}[outside]
        bias = outside != "whitening" or architecture in ("topk", "batchtopk")
        sae = random(sae_class(config_class(d_in=n, d_sae=d, apply_b_dec_to_input=bias, normalize_activations=norm, **own)), unit=architecture == "matching_pursuit")
        if "batchtopk" in architecture:
            sae.topk_threshold = torch.tensor(0.7, dtype=torch.float64)
        folder = place("saelens", f"training-{architecture}-{outside}")
        sae.save_model(folder)
        scaler = ActivationScaler()
        if outside == "factor":
            scaler.scaling_factor = 0.625
        if outside == "whitening":
            matrix = torch.eye(n) * 0.8 + torch.randn(n, n) * 0.1
            scaler.whitening = ActivationWhitening(mean=torch.randn(n), matrix=matrix, inverse_matrix=torch.linalg.inv(matrix))
        scaler.save(str(folder / "activation_scaler.json"))
        if outside == "factor":
            sae.fold_activation_norm_scaling_factor(scaler.scaling_factor)
        if outside == "whitening":
            sae.fold_activation_whitening(scaler.whitening.mean, scaler.whitening.matrix, scaler.whitening.inverse_matrix)
        saved = place("saelens", f"saved-{architecture}-{outside}")
        sae.save_inference_model(saved)
        loaded = SAE.load_from_disk(saved)
        for one in (folder, saved):
            expect(one, *outputs(loaded))

# SAELens before version 6: flat settings, which its present version reads.
for architecture in ("standard", "jumprelu", "gated", "topk"):
    for norm in ("none", "layer_norm", "constant_norm_rescale"):
        sae_class, config_class = get_sae_class(architecture)
        own = {"k": k} if architecture == "topk" else {}
        sae = random(sae_class(config_class(d_in=n, d_sae=d, **own)))
        folder = place("saelens", f"flat-{architecture}-{norm}")
        sae.save_model(folder)
        said = {"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": k}} if own else {"architecture": architecture, "activation_fn_str": "relu", "activation_fn_kwargs": {}}
        (folder / "cfg.json").write_text(json.dumps(said | {
            "d_in": n, "d_sae": d, "dtype": "torch.float32", "device": "cpu", "model_name": "gpt2-small", "hook_name": "blocks.8.hook_resid_pre",
            "hook_layer": 8, "hook_head_index": None, "finetuning_scaling_factor": False, "normalize_activations": norm, "context_size": 128,
            "prepend_bos": True, "dataset_path": "text", "sae_lens_training_version": "4.0.0", "neuronpedia_id": "gpt2-small/8-res-jb", "lr": 4e-4, "l1_coefficient": 5}))
        expect(folder, *outputs(SAE.load_from_disk(folder)))

# sparsify.
for activation in ("topk", "groupmax"):
    for name, settings in {"plain": {}, "multi": {"multi_topk": True}, "skip": {"skip_connection": True}, "transcode": {"transcode": True},
                           "transcode-skip": {"transcode": True, "skip_connection": True}}.items():
        coder = random(SparseCoder(n, SparseCoderConfig(activation=activation, num_latents=d, k=d // 8, **settings)))
        folder = place("sparsify", f"{activation}-{name}")
        coder.save_to_disk(folder)
        coder = SparseCoder.load_from_disk(folder)
        with torch.no_grad():
            values, at, _ = coder.encode(x)
            again = coder.decode(values, at) + (0 if coder.W_skip is None else x @ coder.W_skip.mT)
        expect(folder, torch.zeros(rows, d).scatter(1, at, values), again)

# dictionary_learning.
for name, make in {
    "AutoEncoder": lambda: dictionaries.AutoEncoder(n, d),
    "AutoEncoderNew": lambda: dictionaries.AutoEncoderNew(n, d),
    "GatedAutoEncoder": lambda: dictionaries.GatedAutoEncoder(n, d),
    "JumpReluAutoEncoder": lambda: dictionaries.JumpReluAutoEncoder(n, d),
    "AutoEncoderTopK": lambda: dictionary_utils.AutoEncoderTopK(n, d, k),
    "BatchTopKSAE": lambda: dictionary_utils.BatchTopKSAE(n, d, k),
    "BatchTopKSAE-unset": lambda: dictionary_utils.BatchTopKSAE(n, d, k),
    "MatryoshkaBatchTopKSAE": lambda: dictionary_utils.MatryoshkaBatchTopKSAE(n, d, k, [d // 4, d // 4, d // 2]),
}.items():
    sae = random(make())
    if name in ("BatchTopKSAE", "MatryoshkaBatchTopKSAE"):
        sae.threshold.fill_(0.9)
    folder = place("dictionary-learning", name)
    torch.save({key: value.cpu() for key, value in sae.state_dict().items()}, folder / "ae.pt")
    trainer = {"dict_class": name.split("-")[0], "trainer_class": "T", "activation_dim": n, "dict_size": d, "layer": 3, "lm_name": "EleutherAI/pythia-70m",
               "submodule_name": "resid_post_layer_3", "lr": 1e-3, "steps": 10, "seed": 0, **({"k": k} if hasattr(sae, "k") else {})}
    (folder / "config.json").write_text(json.dumps({"trainer": trainer, "buffer": {"ctx_len": 128}}))
    loaded, _ = dictionary_utils.load_dictionary(str(folder), "cpu")
    expect(folder, *outputs(loaded))


# Releases that SAELens reads by loaders of their own; the hub is a folder here.
def released(library, name, loader, repo, folder_name, factor=None, told=None, file=None, **overrides):
    base = root / library / name
    loaders.hf_hub_download = lambda repo_id, filename, subfolder=None, **_: str(base / (f"{subfolder}/" if subfolder else "") / filename)
    loaders.get_safetensors_tensor_shapes = lambda _, filename: {key: list(value.shape) for key, value in loaders.load_safetensors_weights(base / filename).items()}
    cfg, state, _ = loader(repo, folder_name, "cpu", False, {"dtype": "float32", **overrides})
    cfg = loaders.handle_config_defaulting(cfg)
    sae_class, config_class = get_sae_class(cfg["architecture"])
    sae = sae_class(config_class.from_dict(cfg))
    sae.load_state_dict({key: value.contiguous() for key, value in state.items()})
    if factor:
        sae.fold_activation_norm_scaling_factor(factor)
    latents, again = outputs(sae, x.reshape(rows, 4, n // 4) if sae.hook_z_reshaping_mode else x)
    expect(base, latents, again.flatten(1), (told or {}) | {"path": file or folder_name})


draw = lambda *shape: torch.randn(*shape) * (0.4 if len(shape) > 1 else 0.3)
jump = lambda out=n: {"w_enc": draw(n, d), "b_enc": draw(d), "w_dec": draw(d, out), "b_dec": draw(out), "threshold": draw(d).abs()}
upper = lambda one: {key.replace("w_", "W_"): value.numpy() for key, value in one.items()}
sizes = {"d_in": n, "d_sae": d}
for name, repo, folder_name, loader, more in (
    ("res", "gemma-scope-2b-pt-res", "layer_20/width_16k/average_l0_71", loaders.gemma_2_sae_huggingface_loader, {}),
    ("att", "gemma-scope-9b-pt-att", "layer_3/width_16k/average_l0_71", loaders.gemma_2_sae_huggingface_loader, {}),
    ("embedding", "gemma-scope-2b-pt-res", "embedding/width_4k/average_l0_6", loaders.gemma_2_sae_huggingface_loader, {}),
    ("transcoder", "gemma-scope-2b-pt-transcoders", "layer_3/width_16k/average_l0_54", loaders.gemma_2_transcoder_huggingface_loader, {"d_out": n}),
):
    folder = place("gemma-scope", f"{name}/{repo}/{folder_name}")
    np.savez(folder / "params.npz", **upper(jump()))
    released("gemma-scope", name, loader, repo, f"{repo}/{folder_name}", **sizes | more)
for name, folder_name, out, affine in (
    ("resid_post", "resid_post/layer_12_width_16k_l0_medium", n, False),
    ("transcoder", "transcoder_all/layer_5_width_16k_l0_big", n + 3, False),
    ("transcoder-affine", "transcoder_all/layer_5_width_16k_l0_big_affine", n + 3, True),
):
    folder = place("gemma-scope-2", f"{name}/{folder_name}")
    weights = jump(out) | ({"affine_skip_connection": draw(n, out)} if affine else {})
    save_file(weights, folder / "params.safetensors")
    reads = "model.layers.5.pre_feedforward_layernorm.output" if out != n else "model.layers.12.output"
    writes = "model.layers.5.post_feedforward_layernorm.output" if out != n else reads
    (folder / "config.json").write_text(json.dumps({"architecture": "jump_relu", "width": d, "model_name": "google/gemma-3-1b-pt", "hf_hook_point_in": reads,
                                                    "hf_hook_point_out": writes, "l0": 50, "affine_connection": affine, "type": "transcoder" if out != n else "sae"}))
    released("gemma-scope-2", name, loaders.gemma_3_sae_huggingface_loader, "google/gemma-scope-2-1b-pt", folder_name)
linear = lambda: {"encoder.weight": draw(d, n), "encoder.bias": draw(d), "decoder.weight": draw(n, d), "decoder.bias": draw(n)}
average = 11.5
scope = {"hook_point_in": "blocks.15.hook_resid_post", "hook_point_out": "blocks.15.hook_resid_post", "d_model": n, "expansion_factor": d // n, "act_fn": "jumprelu",
         "norm_activation": "dataset-wise", "dataset_average_activation_norm": {"in": average, "out": average}, "use_decoder_bias": True,
         "apply_decoder_bias_to_pre_encoder": False, "sparsity_include_decoder_norm": False, "top_k": 50}
folder = place("llama-scope", "final/Llama3_1-8B-Base-L15R-8x/checkpoints")
save_file(linear(), folder / "final.safetensors")
(folder.parent / "hyperparams.json").write_text(json.dumps(scope | {"d_sae": d, "jump_relu_threshold": 0.35}))
released("llama-scope", "final", loaders.llama_scope_sae_huggingface_loader, "fnlp/Llama3_1-8B-Base-LXR-8x", "Llama3_1-8B-Base-L15R-8x", factor=n**0.5 / average)
folder = place("llama-scope", "r1/400M-Slimpajama-400M-OpenR1-Math-220k/L15R")
save_file(linear() | {"log_jumprelu_threshold": draw(d) - 1}, folder / "sae_weights.safetensors")
(folder / "config.json").write_text(json.dumps({key: value for key, value in scope.items() if key != "dataset_average_activation_norm"}))
released("llama-scope", "r1", loaders.llama_scope_r1_distill_sae_huggingface_loader, "fnlp/Llama-Scope-R1-Distill", "400M-Slimpajama-400M-OpenR1-Math-220k/L15R",
         factor=0.25, told={"normFactor": 0.25})
folder = place("qwen-scope", "res/SAE-Res-Qwen3-1.7B-Base-W1K-L0_5")
qwen = 1024
torch.save({"W_enc": draw(qwen, n), "W_dec": draw(n, qwen), "b_enc": draw(qwen), "b_dec": draw(n)}, folder / "layer0.sae.pt")
released("qwen-scope", "res/SAE-Res-Qwen3-1.7B-Base-W1K-L0_5", loaders.qwen_scope_sae_huggingface_loader, "Qwen/SAE-Res-Qwen3-1.7B-Base-W1K-L0_5", "layer0.sae.pt", d_in=n, d_sae=qwen)


# OpenAI's code is no package: its encoder and decoder as its model.py has them, written again in PyTorch.
def openai(name, activation, state, tied=False):
    w = {"pre_bias": draw(n), "latent_bias": draw(d), "encoder.weight": draw(d, n), "stats_last_nonzero": torch.zeros(d, dtype=torch.int64)}
    w |= {"decoder.linear.weight" if tied else "decoder.weight": w["encoder.weight"] if tied else draw(d, n).T}
    folder = place("openai", name)
    torch.save(w | {"activation": activation, "activation_state_dict": state}, folder / "6.pt")
    mean, std, z = 0, 1, x
    if activation == "TopK":
        mean, z = x.mean(dim=-1, keepdim=True), x - x.mean(dim=-1, keepdim=True)
        std = z.std(dim=-1, keepdim=True)
        z = z / (std + 1e-5)
    pre = (z - w["pre_bias"]) @ w["encoder.weight"].T + w["latent_bias"]
    latents = torch.relu(pre)
    if activation == "TopK":
        values, at = pre.topk(state["k"], dim=-1)
        latents = torch.zeros_like(pre).scatter(1, at, torch.relu(values) if state["postact_fn"] == "ReLU" else values)
    decoder = w["decoder.linear.weight"] if tied else w["decoder.weight"].T
    expect(folder, latents, (latents @ decoder + w["pre_bias"]) * std + mean, {"path": "6.pt"})


openai("topk", "TopK", {"k": k, "postact_fn": "ReLU"})
openai("topk-identity", "TopK", {"k": k, "postact_fn": "Identity"})
openai("topk-tied", "TopK", {"k": k, "postact_fn": "ReLU"}, tied=True)
openai("relu", "ReLU", {})
