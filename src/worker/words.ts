import type { TrainProgress } from "../train/train.ts";

/** What people read where files are missing, memory or a device gave out, or a model has foreign operations: what to do, and what was said of it. */
const causes: readonly (readonly [RegExp, string])[] = [
  // The last ones are what ONNX Runtime 1.30 says of a device that was lost while nothing ran.
  [
    /device.{0,20}lost|lost.{0,20}device|Instance dropped|external Instance reference|MapAsyncStatus|GPUDevice|reading 'destroy'/i,
    "the graphics device was lost; try again, or choose WebAssembly",
  ],
  // Before memory: of a file it cannot fetch ONNX Runtime says "Aborted(", as where memory gave out.
  [
    /fetching of the wasm failed|expected magic word|Incorrect response MIME type|dynamically imported module|Importing a module script failed|error loading dynamically/i,
    "ONNX Runtime's .wasm and .mjs files could not be loaded; serve the files of onnxruntime-web/dist beside the page, or say in wasmPath where they are",
  ],
  [
    /out of memory|bad_alloc|memory access out of bounds|Array buffer allocation|Aborted\((OOM|\))|Aborted\(.*memory|enlarge memory|SafeIntOnOverflow/i,
    "there was too little memory in this tab; close other tabs, or use fewer rows or latents",
  ],
  [
    /not a registered function\/op|is not implemented|Could not find an implementation|No Op registered/i,
    "the model has operations that ONNX Runtime does not know here; export it with standard ONNX operations",
  ],
];

/** A failure's message in words that say what to do; as it is where it is none of the known ones. */
export function inWords(message: string): string {
  const words = causes.find(([pattern]) => pattern.test(message))?.[1];
  return words ? `${words} (${message})` : message;
}

/** Whether an error of a worker says that its graphics device was lost. */
export const isDeviceLost = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith(causes[0]![1]);

/** Where a training was at the end of its last run, from the error it failed with; undefined before the first. */
export const progressOf = (error: unknown): TrainProgress | undefined =>
  (error as { readonly progress?: TrainProgress } | undefined | null)?.progress;
