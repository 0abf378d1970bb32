/** Tests that may be skipped even where `CI` is `true`, by a part of `FILE > NAME`, and why they cannot run there. */
export const maySkip: Readonly<Record<string, string>> = {
  "test/cli/badInput.test.ts > an output folder without permission": "root may write anywhere; another user runs it",
  "test/export/attach/example.outside.test.ts > examples/attach loads":
    "@huggingface/transformers takes 470 MB; TRANSFORMERS_JS names the folder that has it",
  "test/languageModel.ci.test.ts > examples/language-model":
    "PyTorch and what exports with it take 6.6 GB; examples/language-model/run.mjs makes an environment with them",
};
