import { z } from "zod";

/**
 * Settings of SAELens that say where, on what and how an SAE was trained, of all its versions: nothing of how latents are computed.
 * Early versions save them all beside those that matter, as in the much-used SAEs of GPT-2.
 */
const names = [
  // The model and its activations.
  ...["model_name", "model_class_name", "model_kwargs", "model_from_pretrained_kwargs", "neuronpedia_id"],
  ...["hook_eval", "hook_point_eval", "hook_head_index", "hook_point_head_index", "hook_layer", "hook_point_layer"],
  ...["dataset_path", "dataset_trust_remote_code", "streaming", "is_dataset_tokenized", "context_size", "prepend_bos"],
  ...["seqpos_slice", "exclude_special_tokens", "disable_concat_sequences", "sequence_separator_token"],
  ...["use_chat_formatting", "use_cached_activations", "cached_activations_path", "n_batches_in_buffer"],
  ...["store_batch_size", "store_batch_size_prompts", "activations_mixing_fraction", "prefetch_llm_batches"],
  ...["n_batches_for_norm_estimate", "tokens_per_buffer"],
  // The machine.
  ...["dtype", "device", "act_store_device", "llm_device", "autocast", "autocast_lm", "compile_llm", "compile_sae"],
  ...["llm_compilation_mode", "sae_compilation_mode", "use_sparse_activations"],
  // How it began, and its steps.
  ...["seed", "from_pretrained_path", "b_dec_init_method", "expansion_factor", "decoder_init_norm", "noise_scale"],
  ...["decoder_orthogonal_init", "decoder_heuristic_init", "decoder_heuristic_init_norm", "normalize_sae_decoder"],
  ...["init_encoder_as_decoder_transpose", "jumprelu_init_threshold", "jumprelu_bandwidth", "jumprelu_tanh_scale"],
  ...["jumprelu_ste_to_input", "jumprelu_sparsity_loss_mode", "topk_threshold_lr"],
  ...["matryoshka_widths", "use_matryoshka_aux_loss"],
  ...["total_training_tokens", "training_tokens", "finetuning_tokens", "finetuning_method", "train_batch_size"],
  ...["train_batch_size_tokens", "lr", "lr_end", "lr_scheduler_name", "lr_warm_up_steps", "lr_decay_steps"],
  ...["n_restart_cycles", "adam_beta1", "adam_beta2"],
  // Its loss.
  ...["l1_coefficient", "l1_warm_up_steps", "l0_coefficient", "l0_warm_up_steps", "lp_norm", "target_l0"],
  ...["aux_loss_coefficient", "pre_act_loss_coefficient", "mse_loss_normalization", "use_ghost_grads"],
  ...["scale_sparsity_penalty_by_decoder_norm", "feature_sampling_window", "feature_sampling_method"],
  ...["feature_reinit_scale", "resample_batches", "dead_feature_window", "dead_feature_threshold"],
  // Its records.
  ...["log_to_wandb", "log_final_model_to_wandb", "log_activations_store_to_wandb", "log_optimizer_state_to_wandb"],
  ...["log_weights_to_wandb", "wandb_project", "wandb_id", "wandb_entity", "wandb_log_frequency", "run_name", "logger"],
  ...["eval_every_n_wandb_logs", "n_eval_batches", "eval_batch_size_prompts", "n_checkpoints", "checkpoint_path"],
  ...["output_path", "save_final_checkpoint", "resume", "resume_from_checkpoint", "verbose"],
  ...["sae_lens_version", "sae_lens_training_version"],
] as const;

/** These settings, whatever they are. */
export const ofTraining = Object.fromEntries(names.map((name) => [name, z.unknown().optional()])) as Record<
  (typeof names)[number],
  z.ZodOptional<z.ZodUnknown>
>;

/** What of these says how it was trained, and not where or on what machine, among the keys of a cfg.json. */
export const trainingIn = (cfg: object): string[] =>
  Object.entries(cfg).flatMap(([key, value]) =>
    value !== undefined && names.slice(names.indexOf("seed")).includes(key as never) && !/version$/.test(key)
      ? [key]
      : [],
  );
