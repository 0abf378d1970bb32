/** cfg.json of the much-used SAEs of GPT-2: its first versions saved the whole training run. */
export const early = {
  ...{ model_name: "gpt2-small", hook_point: "blocks.0.hook_resid_pre", hook_point_layer: 0, d_in: 12, d_sae: 24 },
  ...{ hook_point_head_index: null, dataset_path: "x/y", is_dataset_tokenized: false, context_size: 128, seed: 42 },
  ...{ use_cached_activations: false, cached_activations_path: "a/b", n_batches_in_buffer: 128, device: "mps" },
  ...{ total_training_tokens: 300_000_000, store_batch_size: 32, dtype: "torch.float32", expansion_factor: 2 },
  ...{ b_dec_init_method: "geometric_median", from_pretrained_path: null, l1_coefficient: 8e-5, lr: 4e-4 },
  ...{ lr_scheduler_name: null, lr_warm_up_steps: 5000, train_batch_size: 4096, use_ghost_grads: false },
  ...{ feature_sampling_window: 1000, dead_feature_window: 5000, dead_feature_threshold: 1e-8, log_to_wandb: true },
  ...{ wandb_project: "p", wandb_entity: null, wandb_log_frequency: 100, n_checkpoints: 10, checkpoint_path: "c" },
};
