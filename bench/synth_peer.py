"""Trains SAELens's BatchTopK on the rows that bench/synth.mjs made, one pass, and saves it as SAELens does: what the same number of
samples gives elsewhere.

Run: .venv/bin/python bench/synth_peer.py bench/data/synth-1000000 OUT [--lr 1e-3] [--latent-dim 4096] [--k 25], then
sae-onnx import OUT, and sae-onnx eval beside the same data.
"""
import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file


def rows_of(folder, train_rows):
    """The rows that train, shard by shard."""
    left = train_rows
    for file in sorted(Path(folder).glob("*.safetensors")):
        shard = load_file(file)["activations"][:left].float()
        left -= len(shard)
        if len(shard):
            yield shard


def main():
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.registry import get_sae_training_class
    from sae_lens.training.sae_trainer import SAETrainer

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--train-rows", type=int, default=1_000_000)
    parser.add_argument("--latent-dim", type=int, default=4096)
    parser.add_argument("--k", type=float, default=25)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch-size", type=int, default=1024)
    args = parser.parse_args()
    torch.manual_seed(0)
    width = next(rows_of(args.data, args.train_rows)).shape[1]
    sae_class, config_class = get_sae_training_class("batchtopk")
    sae = sae_class(config_class(d_in=width, d_sae=args.latent_dim, k=args.k))
    config = SAETrainerConfig(
        total_training_samples=args.train_rows, train_batch_size_samples=args.batch_size, lr=args.lr, lr_end=args.lr / 10,
        lr_decay_steps=args.train_rows // args.batch_size // 3, logger=LoggingConfig(log_to_wandb=False),
    )
    trainer = SAETrainer(config, sae, data_provider=iter([]))
    for shard in rows_of(args.data, args.train_rows):
        for rows in torch.randperm(len(shard)).split(args.batch_size):
            trainer.step(shard[rows])
            trainer.n_training_steps += 1
            if trainer.n_training_steps % 100 == 0:
                print(trainer.n_training_steps, flush=True)
    sae.save_inference_model(args.out)


if __name__ == "__main__":
    main()
