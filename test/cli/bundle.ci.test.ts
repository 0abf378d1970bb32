/** @file The archive for machines without a network, unpacked in an empty root: there is no Node, no npm, nothing but glibc and a shell. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { npy, saeOnnx, sparseRows, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const can = process.platform === "linux" && process.arch === "x64" && process.getuid?.() === 0;

/** Found here: there, no path leads to a program. */
const chroot = spawnSync("sh", ["-c", "command -v chroot"], { encoding: "utf8" }).stdout.trim();

/** An empty root with the C library, a shell and /dev/null of this machine. */
function bareRoot(): string {
  const root = join(folder, "root");
  const { stdout } = spawnSync("ldd", ["/bin/sh"], { encoding: "utf8" });
  const loader = /(\/\S*ld-linux\S*)/.exec(stdout)![1]!;
  const libc = /libc\.so\.6 => (\S+)/.exec(stdout)![1]!;
  const own = ["libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"].map((name) =>
    join(dirname(libc), name),
  );
  for (const path of [loader, "/bin/sh", ...own]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    if (existsSync(path)) copyFileSync(realpathSync(path), join(root, path));
  }
  for (const name of ["dev", "tmp"]) mkdirSync(join(root, name));
  spawnSync("mknod", [join(root, "dev/null"), "c", "1", "3"]);
  return root;
}

describe.skipIf(!can)("bundle in an empty root", () => {
  test("unpacks from its parts, and trains, reports and says its version", () => {
    const out = join(folder, "sae-onnx.tar.gz");
    const { status, stderr } = saeOnnx("bundle", "--out", out, "--part-size", "40MB");
    expect(status, stderr).toBe(0);
    const parts = readdirSync(folder).filter((name) => /\.\d{3}$/.test(name));
    expect(parts.length).toBeGreaterThan(1);
    const digest = (name: string) =>
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex");
    const listed = parts.map((name) => `${digest(name)}  ${name}\n`).join("");
    expect(readFileSync(`${out}.sha256`, "utf8")).toBe(listed);

    const root = bareRoot();
    const unpacked = spawnSync("sh", ["-c", `cat ${out}.[0-9]* | tar xz -C ${root}`], { encoding: "utf8" });
    expect(unpacked.status, unpacked.stderr).toBe(0);
    writeFileSync(join(root, "tmp/acts.npy"), npy(sparseRows(200, 16)));
    const there = (...words: string[]) =>
      spawnSync(chroot, [root, "/sae-onnx/sae-onnx", ...words], { encoding: "utf8", env: { PATH: "/nothing" } });
    expect(there("--version").stdout.trim()).toBe(JSON.parse(readFileSync("package.json", "utf8")).version);
    const trained = there(
      ..."train --data /tmp/acts.npy --latent-dim 24 --k 2 --batch-size 32 --epochs 3 --out /tmp/m".split(" "),
    );
    expect(trained.status, trained.stderr).toBe(0);
    const report = there("report", "/tmp/m/sae.metrics.json", "--out", "/tmp/report");
    expect(report.status, report.stderr).toBe(0);
    const here = saeOnnx(
      ..."train --latent-dim 24 --k 2 --batch-size 32 --epochs 3".split(" "),
      "--data",
      join(root, "tmp/acts.npy"),
      "--out",
      join(folder, "m"),
    );
    expect(here.status, here.stderr).toBe(0);
    const model = "sae_d24_k2.autoencoder.onnx";
    expect(readFileSync(join(root, "tmp/m", model))).toEqual(readFileSync(join(folder, "m", model)));
  }, 240_000);

  test("with CUDA is refused in one line where its libraries are not installed", () => {
    const { status, stderr } = saeOnnx("bundle", "--provider", "cuda", "--out", join(folder, "cuda.tar.gz"));
    if (status === 0) return;
    expect(stderr).toMatch(
      /^error: bundle --provider cuda: ONNX Runtime's CUDA library is not installed here [^\n]*\n$/,
    );
    expect(readdirSync(folder).filter((name) => name.startsWith("cuda"))).toEqual([]);
  }, 60_000);
});
