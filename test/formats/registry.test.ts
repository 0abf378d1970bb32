import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hubCache } from "../../src/data/hub.node.ts";
import { importSae } from "../../src/formats/index.ts";
import { isNamed, namedSource } from "../../src/formats/registry.node.ts";
import { readSource } from "../../src/formats/source.node.ts";
import { startHub } from "../data/hubServer.ts";
import { agreement, disagreement, expectedIn } from "./peers.ts";

const own = "test/fixtures/peers/saelens/flat-standard-none";
const list = JSON.parse(readFileSync("src/formats/releases.json", "utf8"));
const repo: string = list.releases["gpt2-small-res-jb"].repo;
const id = "blocks.8.hook_resid_pre";

/** The repository of a release, and an SAE that needs the list's factor. */
const files: Record<string, Uint8Array> = { "other/a.onnx": new Uint8Array(8) };
for (const name of readdirSync(own)) files[`${id}/${name}`] = readFileSync(join(own, name));
const qwen = "test/fixtures/peers/qwen-scope";
const [pt] = readdirSync(qwen, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".pt"));
files["layer0.sae.pt"] = readFileSync(join(qwen, pt!));

let hub: Awaited<ReturnType<typeof startHub>>;
beforeAll(async () => {
  hub = await startHub(repo, files);
});
afterAll(() => hub.stop());
const said: string[] = [];
const named = (name: string) => namedSource(name, (text) => said.push(text));

describe("saelens:RELEASE/ID", () => {
  test("is fetched once, is the SAE of its files, and says where it comes from", async () => {
    const sae = importSae(await named(`saelens:gpt2-small-res-jb/${id}`));
    const there = importSae(await readSource(own));
    expect(sae.tensors).toEqual(there.tensors);
    expect(sae.origin).toEqual({
      ...there.origin,
      ...{ release: "gpt2-small-res-jb", id, neuronpedia_id: there.origin!.neuronpedia_id },
    });
    expect(said).toContain(`hf:${repo}/${id}: fetching cfg.json (0.0 MB)`.replace("cfg.json", `${id}/cfg.json`));
    const before = hub.asked();
    await named(`saelens:gpt2-small-res-jb/${id}`);
    expect(hub.asked()).toBe(before);
  });

  test("every release of the list has a repository, and as many SAEs as SAELens lists for it", () => {
    expect(list.source).toMatch(/^SAELens 6\.\d+\.\d+, pretrained_saes\.yaml$/);
    expect(list.licence).toMatch(/^MIT/);
    for (const [name, one] of Object.entries<{ repo: string; saes?: object }>(list.releases)) {
      expect(one.repo, name).toMatch(/^[\w.-]+\/[\w.-]+$/);
      if (one.saes) expect(Object.keys(one.saes).length, name).toBeGreaterThan(0);
    }
    expect(Object.keys(list.releases).length).toBeGreaterThan(150);
    expect(list.releases["gemma-scope-2b-pt-res-canonical"].saes["layer_0/width_16k/canonical"]).toEqual({
      path: "layer_0/width_16k/average_l0_105",
      neuronpedia: "gemma-2-2b/0-gemmascope-res-16k",
    });
  });

  test.each([
    [
      "a misspelt release",
      `saelens:gpt2-small-res-bj/${id}`,
      /no release gpt2-small-res-bj in the list \(SAELens .*\); nearest: gpt2-small-res-jb$/,
    ],
    [
      "a misspelt id",
      "saelens:gpt2-small-res-jb/blocks.8.hook_resid_per",
      /nearest: saelens:gpt2-small-res-jb\/blocks\.8\.hook_resid_pre$/,
    ],
    ["no id", "saelens:gpt2-small-res-jb", /no id given in release .*; the first: saelens:gpt2-small-res-jb\/blocks/],
    ["a prototype's name", "saelens:__proto__/a", /no release __proto__ in the list/],
    [
      "a format that is not read",
      "saelens:temporal-sae-gemma-2-2b/x",
      /by its loader temporal, a format that is not imported/,
    ],
  ])("%s is one clear line", async (_, name, message) => {
    await expect(named(name)).rejects.toThrow(message);
  });
});

describe("hf:owner/repo/path", () => {
  test("is a folder, or a file", async () => {
    const sae = importSae(await named(`hf:${repo}/${id}`));
    expect(sae.tensors).toEqual(importSae(await readSource(own)).tensors);
    const { path, files: found } = await named(`hf:${repo}/layer0.sae.pt`);
    expect(path).toBe(`hf:${repo}/layer0.sae.pt`);
    expect([...found.keys()]).toEqual(["layer0.sae.pt"]);
  });

  test.each([
    ["a folder of SAEs", `hf:${repo}`, /2 SAEs are in it; name one, such as hf:/],
    ["a folder without any", `hf:${repo}/other`, /no SAE of a format that is imported; check the path$/],
    ["no such folder", `hf:${repo}/none`, /no SAE of a format that is imported; check the path$/],
    ["no such file", `hf:${repo}/none.pt`, /the repository has no none\.pt; check the path$/],
    ["no such repository", "hf:owner/none/a", /has no repository owner\/none, or it is private/],
    ["a way out", `hf:${repo}/../../a`, /write hf:owner\/name/],
  ])("%s is one clear line", async (_, name, message) => {
    await expect(named(name)).rejects.toThrow(message);
  });

  test("offline, what is there is read, and what is not is one clear line", async () => {
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    expect(importSae(await named(`hf:${repo}/${id}`)).config.preset).toBe("saelens");
    rmSync(hubCache(), { recursive: true });
    await expect(named(`hf:${repo}/${id}`)).rejects.toThrow(
      /^hf:.*: cannot fetch what it holds from http:\/\/127.0.0.1:1 \(.+\), and it is not in .*; get online, or name a file of this machine$/,
    );
  });
});

test("what the list says instead of a file is what counts: Mistral's rows are brought to one length", async () => {
  const { repo, saes, instead } = list.releases["mistral-7b-res-wg"];
  expect(instead).toEqual({ normalize_activations: "constant_norm_rescale" });
  const wanted = "test/fixtures/peers/saelens/flat-standard-constant_norm_rescale";
  const path: string = saes["blocks.8.hook_resid_pre"].path;
  const cfg = JSON.parse(readFileSync(join(wanted, "cfg.json"), "utf8"));
  const mistral = await startHub(repo, {
    [`${path}/cfg.json`]: new TextEncoder().encode(JSON.stringify({ ...cfg, normalize_activations: "none" })),
    [`${path}/sae_weights.safetensors`]: readFileSync(join(wanted, "sae_weights.safetensors")),
  });
  const sae = importSae(await named("saelens:mistral-7b-res-wg/blocks.8.hook_resid_pre"));
  mistral.stop();
  expect(sae.config.options.normalise).toBe("constant-norm");
  expect(disagreement(await agreement(sae, expectedIn(wanted)))).toBeUndefined();
});

test("a path is no name", () => {
  expect(["models/a", "hf", "C:/saelens"].some(isNamed)).toBe(false);
  expect(isNamed("hf:a/b")).toBe(true);
});
