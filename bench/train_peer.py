"""Trains one SAE of k latents by another library's own trainer, and times a step: what bench/peers.mjs compares with.

Run: python3 bench/train_peer.py saelens-topk --data FILE --train-rows N --latent-dim 2048 --k 20 [--epochs 3] (the environment of npm run python).
Every trainer has its own defaults; learning rate 1e-3 where one has to be given. What is timed is its step alone: rows are drawn before. The first epoch
is not counted. Prints one JSON object.
"""
import argparse
import importlib.metadata
import json
import os
import resource
import statistics
import sys
import time
from pathlib import Path

os.environ["SPARSIFY_DISABLE_TRITON"] = "1"  # It has no CPU kernels.
import torch  # noqa: E402

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "test/python")]
from train_topk import EXAMPLE, read_tensor  # noqa: E402


def saelens(name, x, args):
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.registry import get_sae_training_class
    from sae_lens.training.sae_trainer import SAETrainer

    sae_class, config_class = get_sae_training_class(name)
    sparsity = {"l1_coefficient": 1.0} if name == "standard" else {"k": args.k}
    if name == "matryoshka_batchtopk":
        sparsity["matryoshka_widths"] = [args.latent_dim // 4, args.latent_dim // 2, args.latent_dim]
    sae = sae_class(config_class(d_in=x.shape[1], d_sae=args.latent_dim, **sparsity))
    config = SAETrainerConfig(
        total_training_samples=args.epochs * len(x), train_batch_size_samples=args.batch_size, lr=1e-3, lr_end=1e-4,
        logger=LoggingConfig(log_to_wandb=False),
    )
    trainer = SAETrainer(config, sae, data_provider=iter([]))

    def step(number, batch):
        trainer.step(batch)
        trainer.n_training_steps += 1

    return step, "sae-lens"


def dictionary_learning(name, x, args):
    import stubs  # noqa: F401
    from dictionary_learning.trainers import BatchTopKTrainer, TopKTrainer

    trainer = {"topk": TopKTrainer, "batchtopk": BatchTopKTrainer}[name](
        steps=args.epochs * -(-len(x) // args.batch_size), activation_dim=x.shape[1], dict_size=args.latent_dim, k=args.k, layer=0,
        lm_name="", lr=1e-3, warmup_steps=10, device="cpu",
    )
    return trainer.update, "dictionary-learning"


def sparsify(_name, x, args):
    from sparsify import SparseCoder, SparseCoderConfig

    coder = SparseCoder(x.shape[1], SparseCoderConfig(num_latents=args.latent_dim, k=args.k))
    coder.b_dec.data = x.mean(0)
    adam = torch.optim.Adam(coder.parameters(), lr=1e-3)

    def step(_number, batch):
        coder.set_decoder_norm_to_unit_norm()
        coder(batch).fvu.backward()
        coder.remove_gradient_parallel_to_decoder_directions()
        adam.step()
        adam.zero_grad()

    return step, "eai-sparsify"


LIBRARIES = {"saelens": saelens, "dictionary_learning": dictionary_learning, "sparsify": sparsify}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trainer", help="LIBRARY-KIND, such as saelens-topk, dictionary_learning-batchtopk, sparsify-topk")
    parser.add_argument("--data", default=EXAMPLE)
    parser.add_argument("--train-rows", type=int, default=5978)
    parser.add_argument("--latent-dim", type=int, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    x = read_tensor(args.data, "activations")[: args.train_rows]
    library, kind = args.trainer.split("-", 1)
    step, package = LIBRARIES[library](kind, x, args)
    times, number = [], 0
    for epoch in range(args.epochs):
        for rows in torch.randperm(len(x)).split(args.batch_size):
            batch = x[rows]
            start = time.perf_counter()
            step(number, batch)
            if epoch > 0 or args.epochs == 1:
                times.append(1000 * (time.perf_counter() - start))
            number += 1
    print(json.dumps({
        "ms_per_step": round(statistics.mean(times), 2), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "version": importlib.metadata.version(package), "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
