import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { originInMetadata, originText } from "../../checkpoint/origin.ts";
import { readBytes } from "../../data/files.node.ts";
import { readNpyArray } from "../../data/npy.ts";
import { readNpz } from "../../data/npz.ts";
import { ptTensors, readPt } from "../../data/pt.ts";
import { readSafetensors } from "../../data/safetensors.ts";
import { foldersOfShards } from "../../data/shards/shardSet.node.ts";
import { attachable } from "../../export/attach/encoder.ts";
import { checkModel } from "../../onnx/check.ts";
import { kernelProviders } from "../../onnx/kernels.ts";
import { decodeModel, metadataOf } from "../../onnx/model.ts";
import { printModel } from "../../onnx/print.ts";
import type { ValueInfo } from "../../onnx/proto.ts";
import { dataTypeName, shapeOf } from "../../onnx/tensors.ts";
import { ConfigError } from "../../util/errors.ts";
import { visible, visibleLines } from "../../util/visible.ts";
import { defineCommand } from "../command.ts";
import { json } from "../flags.ts";
import { valuesText, wantedValues } from "../inspectValues.ts";
import { fitTable, print } from "../output.ts";
import { describeRows } from "./inspectRows.ts";

/** What a file holds, for people and as JSON. */
interface Contents {
  readonly text: string;
  readonly json: unknown;
}

interface Listed {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Where an imported SAE comes from, in plain words; nothing where its file does not say. */
function comesFrom(metadata: Readonly<Record<string, string>>): string[] {
  const origin = originInMetadata(metadata);
  return origin ? [`# comes from: ${visible(originText(origin))}`] : [];
}

const arrays = (tensors: ReadonlyMap<string, Listed>, metadata: Readonly<Record<string, string>> = {}): Contents => ({
  text: [
    ...comesFrom(metadata),
    ...Object.entries(metadata).map(([key, value]) => `# ${key}: ${value}`),
    ...[...tensors].map(([name, { dtype, shape }]) => `${name}: ${dtype} [${shape.join(", ")}]`),
  ]
    .map(visible)
    .join("\n"),
  json: {
    metadata,
    tensors: Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
  },
});

type Values = Readonly<Record<string, { readonly type: string; readonly shape: readonly (number | string)[] | null }>>;

const values = (infos: readonly ValueInfo[] | null | undefined): Values =>
  Object.fromEntries(
    (infos ?? []).map((info) => [
      info.name,
      { type: dataTypeName(info.type?.tensorType?.elemType), shape: shapeOf(info) ?? null },
    ]),
  );

/** A reader for every kind of file, by extension. */
const readers: Readonly<Record<string, (bytes: Uint8Array, file: string) => Contents>> = {
  onnx(bytes, file) {
    const model = decodeModel(bytes, file);
    const { input, output, node } = model.graph ?? {};
    return {
      text: [...comesFrom(metadataOf(model)), printModel(model)].join("\n"),
      json: { metadata: metadataOf(model), inputs: values(input), outputs: values(output), nodes: node?.length ?? 0 },
    };
  },
  pt: (bytes, file) =>
    arrays(
      new Map(
        [...ptTensors(readPt(bytes, file))].map(([name, { shape, storage }]) => [
          name,
          { dtype: storage.dtype, shape },
        ]),
      ),
    ),
  npy: (bytes, file) => arrays(new Map([["array", readNpyArray(bytes, file)]])),
  npz: (bytes, file) => arrays(readNpz(bytes, file)),
  safetensors(bytes, file) {
    const { metadata, tensors } = readSafetensors(bytes, file);
    return arrays(tensors, metadata);
  },
};

type Reader = (typeof readers)[string];

const extensionOf = (file: string): string => /\.([^./\\]+)$/.exec(file)?.[1]?.toLowerCase() ?? "";
const readerOf = (file: string): Reader | undefined =>
  Object.hasOwn(readers, extensionOf(file)) ? readers[extensionOf(file)] : undefined;
const extensions = Object.keys(readers)
  .map((e) => `.${e}`)
  .join(", ");

/** What a file holds, in a few lines where it lies among others: of a model its inputs and outputs. */
async function inFolder(path: string, name: string): Promise<Contents> {
  const contents = readerOf(name)!(await readBytes(path), path);
  if (extensionOf(name) !== "onnx") return contents;
  const { inputs, outputs, nodes } = contents.json as Record<"inputs" | "outputs", Values> & { nodes: number };
  const listed = (all: Values) =>
    Object.entries(all)
      .map(([value, { type, shape }]) => `${value}: ${type} [${shape?.join(", ") ?? "?"}]`)
      .join(", ");
  const text = `${nodes} nodes; in ${listed(inputs)}; out ${listed(outputs)}`;
  return { text: visible(text), json: contents.json };
}

/** The files of a folder that can be read, one after another; where they are shards of activations, what their rows are like. */
async function describeFolder(folder: string): Promise<Contents> {
  const { compare } = new Intl.Collator("en", { numeric: true });
  const names = (await readdir(folder)).filter((name) => readerOf(name) && !name.startsWith(".")).sort(compare);
  if (names.length === 0) {
    const then = await foldersOfShards(folder);
    throw new ConfigError(`${folder}: no file in it ends in ${extensions}${then ? `; ${then}` : ""}`);
  }
  const all: [string, Contents][] = [];
  for (const name of names) all.push([name, await inFolder(join(folder, name), name)]);
  const rows = await describeRows(folder);
  return {
    text: [
      ...all.map(([name, { text }]) => `## ${visible(name)}\n${text.trimEnd()}`),
      // Without a line of its own it would be read as the last file's.
      ...(rows && all.length > 1 ? [`# all ${all.length} files together`] : []),
      ...(rows ? [visibleLines(rows.text)] : []),
    ].join("\n"),
    json: {
      files: Object.fromEntries(all.map(([name, { json }]) => [name, json])),
      ...(rows ? { rows: rows.json } : {}),
    },
  };
}

export const inspect = defineCommand({
  command: "inspect <file>",
  positional: { file: { describe: "the file, or a folder of such files" } },
  options: {
    check: { type: "boolean", default: false, describe: "of a .onnx: print how it fits every provider instead" },
    values: {
      type: "boolean",
      default: false,
      describe: "of a .onnx: list its values with their shapes, as far as they follow from its inputs and weights",
    },
    grep: {
      type: "string",
      describe: "as --values, only those with this text in their name, op or module; * stands for anything",
    },
    width: { type: "number", describe: "as --values, only where an encoder of this input width can be attached" },
    encoder: { type: "string", describe: "as --width, with the width of this encoder" },
    json,
  },
  examples: [
    ["$0 inspect models/sae_d512_k5.encoder.onnx", "the graph, node by node"],
    ["$0 inspect llm.onnx --grep 'layers.3*add' --width 2048", "where to attach an encoder in block 3"],
  ],
  async run(given) {
    const file = given.file as string;
    const [extension, read] = [extensionOf(file), readerOf(file)];
    if ((await stat(file).catch(() => undefined))?.isDirectory()) {
      const flag = ["check", "values", "grep", "width", "encoder"].find(
        (one) => ![undefined, false].includes(given[one] as undefined | false),
      );
      if (flag !== undefined) throw new ConfigError(`${file}: is a folder; --${flag} is for one .onnx file`);
      const { text, json } = await describeFolder(file);
      return print(given.json ? JSON.stringify(json, null, 1) : text);
    }
    if (!read) throw new ConfigError(`${file}: its name must end in ${extensions}`);
    if (given.check) {
      if (extension !== "onnx") throw new ConfigError(`${file}: --check is for .onnx files`);
      const model = decodeModel(await readBytes(file), file);
      const misfits = kernelProviders.flatMap((provider) => checkModel(model, provider, file));
      return print(given.json ? JSON.stringify({ file, misfits }, null, 1) : fitTable(file, misfits));
    }
    const { grep, values, encoder } = given;
    if (values || grep !== undefined || given.width !== undefined || encoder !== undefined) {
      if (extension !== "onnx")
        throw new ConfigError(`${file}: --values, --grep, --width and --encoder are for .onnx files`);
      if (grep === "") throw new ConfigError("--grep: no text; give a part of a name");
      const bytes = await readBytes(file);
      const model = decodeModel(bytes, file);
      const width =
        encoder === undefined
          ? given.width
          : attachable(decodeModel(await readBytes(encoder), encoder), encoder).inputDim;
      const found = wantedValues(model, bytes, { grep, width });
      return print(given.json ? JSON.stringify({ file, values: found }, null, 1) : valuesText(model, found));
    }
    const contents = read(await readBytes(file), file);
    const rows = extension === "onnx" ? undefined : await describeRows(file);
    const whole = rows ? { ...(contents.json as object), rows: rows.json } : contents.json;
    const text = [contents.text.trimEnd(), ...(rows ? [visibleLines(rows.text)] : [])].join("\n");
    print(given.json ? JSON.stringify(whole, null, 1) : text);
  },
});
