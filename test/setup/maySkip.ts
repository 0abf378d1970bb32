/** Tests that may be skipped even where `CI` is `true`, by a part of `FILE > NAME`, and why they cannot run there. */
export const maySkip: Readonly<Record<string, string>> = {
  "test/cli/badInput.test.ts > an output folder without permission": "root may write anywhere; another user runs it",
  "test/cli/bundle.ci.test.ts > bundle in an empty root": "chroot takes root, on Linux x64",
  "test/cli/slurm.ci.test.ts > Slurm":
    "it starts daemons of its own, which takes root and Debian's slurm-wlm and munge: apt-get install slurm-wlm munge",
  "test/export/attach/example.outside.test.ts > examples/attach loads":
    "@huggingface/transformers takes 470 MB; TRANSFORMERS_JS names the folder that has it",
};
