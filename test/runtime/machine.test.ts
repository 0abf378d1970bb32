import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { coreQuota, coresHere, machineHere } from "../../src/runtime/machine.node.ts";

/** What Linux's files say, by path. */
const quota = (files: Record<string, string>) => coreQuota((path) => files[path]);
const none = Number.POSITIVE_INFINITY;
const v1 = "/sys/fs/cgroup/cpu";

describe("how many cores' time control groups leave", () => {
  test.each<[string, Record<string, string>, number]>([
    ["no control groups", {}, none],
    ["version 2, no limit", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n" }, none],
    ["version 2, a container", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "400000 100000\n" }, 4],
    ["less than a core", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" }, 0.5],
    [
      "version 2, a group above has less",
      {
        "/proc/self/cgroup": "0::/slurm/job_7/step_0\n",
        "/sys/fs/cgroup/slurm/job_7/step_0/cpu.max": "max 100000\n",
        "/sys/fs/cgroup/slurm/job_7/cpu.max": "600000 100000\n",
        "/sys/fs/cgroup/slurm/cpu.max": "800000 100000\n",
      },
      6,
    ],
    [
      "version 1, beside other controllers",
      {
        "/proc/self/cgroup": "9:name=systemd:/\n4:memory:/a\n3:cpuset:/\n2:cpu,cpuacct:/docker/ab\n0::/\n",
        [`${v1}/docker/ab/cpu.cfs_quota_us`]: "250000\n",
        [`${v1}/docker/ab/cpu.cfs_period_us`]: "100000\n",
        [`${v1}/cpu.cfs_quota_us`]: "-1\n",
        [`${v1}/cpu.cfs_period_us`]: "100000\n",
      },
      2.5,
    ],
    [
      "version 1, a container that sees its group as the root",
      {
        "/proc/self/cgroup": "2:cpu:/docker/ab\n",
        [`${v1}/cpu.cfs_quota_us`]: "300000\n",
        [`${v1}/cpu.cfs_period_us`]: "100000\n",
      },
      3,
    ],
    ["cpuset is not cpu", { "/proc/self/cgroup": "3:cpuset:/\n", "/sys/fs/cgroup/cpu.max": "100000 100000" }, none],
    ["what cannot be read as numbers", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "few\n" }, none],
  ])("%s", (_, files, cores) => expect(quota(files)).toBe(cores));

  test.each([
    ["50000 100000", 1],
    ["190000 100000", 1],
    ["99900000 100000", availableParallelism()],
    ["max 100000", availableParallelism()],
  ])("%s are whole cores, one at least and no more than there are", (limit, cores) => {
    const files: Record<string, string> = { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": limit };
    expect(coresHere((path) => files[path])).toBe(cores);
  });
});

test("this machine has a core at least, no more than it may run on, and memory", () => {
  expect(coresHere()).toBeGreaterThanOrEqual(1);
  expect(coresHere()).toBeLessThanOrEqual(availableParallelism());
  expect(machineHere()).toEqual({ cores: coresHere(), memory: expect.any(Number) });
  expect(machineHere().memory).toBeGreaterThan(1e8);
});
