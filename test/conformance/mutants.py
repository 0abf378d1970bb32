"""Faults that SAE libraries and runtimes had or have, each made again in the reference implementation: mutants.py KIT

Prints, as JSON, the cases of the kit that each fails. The numbers are those of the libraries' threads.
"""
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from reference import Sae, compute


class TopKReadAsRelu(Sae):
    """SAELens #308, #553: a TopK checkpoint is loaded as a standard SAE; 600 latents where 80 were meant."""

    def topk(self, pre):
        return self.relu(pre)


class SignsDropped(Sae):
    """sparsify since August 2024 drops `signed: true` from a configuration, and keeps ReLU of the largest values."""

    def abstopk(self, pre):
        return self.topk(pre)


class DecoderBiasTakenOffATranscodersInput(Sae):
    """SAELens #516: b_dec, which is in the space of the output, is taken off a transcoder's input."""

    def input(self, x):
        bias = self.tensors["b_dec"]
        return x - bias if self.words["transcoder"] and bias.shape[0] == x.shape[1] else super().input(x)


class FoldingForgetsDecoderBias(Sae):
    """SAELens #354: what inputs were multiplied by is folded into the matrices, and b_dec stays as it was."""

    def restored(self, y, activations):
        return super().restored(y - self.tensors["b_dec"], activations) + self.tensors["b_dec"] if self.undoes() else y


class ScaledInputUnscaledOutput(Sae):
    """SAELens #518, #521: the input is normalised, the reconstruction is not brought back."""

    def restored(self, y, activations):
        return y + self.mean()


class FactorLost(Sae):
    """dictionary_learning: the factor that training divided its inputs by is in no file."""

    def factor(self):
        return np.float32(1)


class RoundedToBfloat16(Sae):
    """SAEs loaded with dtype bfloat16: thresholds are rounded to 8 bits, and latents near them change."""

    def weights(self, tensors):
        bits = {name: value.astype(np.float32).view(np.uint32) for name, value in tensors.items()}
        return {name: ((one + 0x8000) & 0xFFFF0000).astype(np.uint32).view(np.float32) for name, one in bits.items()}


class ThresholdRoundedToBfloat16(RoundedToBfloat16):
    """The same, of thresholds alone."""

    def weights(self, tensors):
        return Sae.weights(self, tensors) | {k: v for k, v in super().weights(tensors).items() if k == "threshold"}


class KeepsAllTies(Sae):
    """Selection by comparing with the k-th largest: of two equal latents both are kept."""

    def largest(self, scores):
        return scores >= np.sort(scores, 1)[:, -self.words["k"]][:, None]


class DecoderNormLeftOut(Sae):
    """SAELens on Llama Scope: `sparsity_include_decoder_norm` is not read."""

    def compared(self, pre):
        return pre


class RescalingLeftOut(Sae):
    """SAELens's `rescale_acts_by_decoder_norm`, read over by other loaders."""

    def rescales(self):
        return False


class SquareMatrixTransposed(Sae):
    """OpenCV 4.6: the second matrix of a Gemm is taken as transposed, which fits where it is square."""

    def weights(self, tensors):
        own = super().weights(tensors)
        rows, columns = own["W_dec"].shape
        return own | {"W_dec": own["W_dec"].T if rows == columns else own["W_dec"]}


class ZeroRowIsNaN(Sae):
    """SAELens's `constant_norm_rescale`: a row of zeros is divided by its norm."""

    def statistics(self, x):
        shift, size, back = super().statistics(x)
        return shift, back if self.words["normalise"] == "constant_norm" else size, back


class AlwaysTakesDecoderBiasOff(Sae):
    """sparsify takes b_dec off every SAE's input; SAEs of SAELens without `apply_b_dec_to_input` are not meant so."""

    def subtracts(self):
        return self.words["subtract_b_dec"] or not self.words["transcoder"]


class NeverTakesDecoderBiasOff(Sae):
    """The other way round."""

    def subtracts(self):
        return False


class BatchTopKOfTheBatch(Sae):
    """BatchTopK left in training mode: the k * rows largest of the batch, whatever else is in it, not the threshold."""

    def batchtopk(self, pre):
        z = np.maximum(pre, 0)
        return np.where(z >= np.sort(z, None)[-self.words["k"] * len(z)], z, 0)


class KeptAtTheThreshold(Sae):
    """JumpReLU with >= for >."""

    def jumprelu(self, pre):
        return np.where(self.compared(pre) >= self.threshold(), pre, 0)


class GainIsNoExponent(Sae):
    """Gated: r_mag is taken for the gain itself, not its logarithm."""

    def gain(self):
        return self.tensors["r_mag"]


class GroupMaxAsTopK(Sae):
    """sparsify's `activation: groupmax`, read over: k largest of all."""

    def groupmax(self, pre):
        return self.topk(pre)


class StandardDeviationOfN(Sae):
    """OpenAI's layer norm with numpy's std, which divides by n: torch's divides by n - 1."""

    def statistics(self, x):
        shift, size, back = super().statistics(x)
        if self.words["normalise"] != "layer_norm":
            return shift, size, back
        std = x.std(1, keepdims=True)
        return shift, std + np.float32(1e-5), std


def failed(kit, implementation):
    """The cases that an implementation gets wrong."""
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()) as said:
        compute(kit, implementation, kit.KIT / "cases", out)
        kit.check(kit.manifest(), Path(out))
    lines = [line.split(": ", 1) for line in said.getvalue().splitlines() if not line.startswith(" ")]
    return [name for name, *what in lines if what and not what[0].startswith("right")]


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    import run

    def mutants(of):
        return [one for sub in of.__subclasses__() for one in (sub, *mutants(sub))]

    print(json.dumps({one.__name__: failed(run, one) for one in (Sae, *mutants(Sae))}))
