#!/usr/bin/env python3
"""Re-derives findings of `plumb check` from the raw files of recorded machines, without any code of Plumb.

    rederive.py PLUMB RECORDINGS > table.md

Each rule below reads a tree of /proc and /sys as a person would with `cat`, and says what the finding has to say. The
table names per machine how many findings were compared; any that differs ends the program with 1.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile


def text(root, path):
    try:
        with open(root + path, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def cpus(text):
    found = set()
    for part in filter(None, re.split(r"[,\s]+", text or "")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def policies(root):
    """CPUs and folder of each frequency policy."""
    base = "/sys/devices/system/cpu"
    folders = glob.glob(f"{glob.escape(root)}{base}/cpufreq/policy*")
    if folders:
        names = [folder[len(root):] for folder in folders]
    else:
        names = [f[len(root):] for f in glob.glob(f"{glob.escape(root)}{base}/cpu[0-9]*/cpufreq")]
    for name in names:
        of = text(root, f"{name}/affected_cpus") or ""
        yield cpus(of.replace(" ", ",")) or cpus("".join(re.findall(r"(?:policy|cpu)(\d+)", name)[-1:])), name


def subject_cpus(findings):
    found = set()
    for finding in findings:
        found |= cpus("".join(re.findall(r"^CPUs ([\d,-]+)", finding["subject"])))
    return found


def governor(root, findings):
    """Every CPU is told with its own governor."""
    for finding in findings:
        named = re.search(r"governor `([^`]+)`", finding["message"])
        if finding["outcome"] in ("pass", "warn", "fail") and named:
            told = subject_cpus([finding])
            raw = {c for of, name in policies(root) if text(root, f"{name}/scaling_governor") == named[1] for c in of}
            yield finding, told <= raw and bool(told)


def caps(root, findings):
    """A policy is capped where its highest allowed clock is below that of the hardware."""
    for finding in findings:
        if not finding["subject"].startswith("CPUs") or finding["outcome"] not in ("pass", "fail"):
            continue
        raw = set()
        for of, name in policies(root):
            highest, limit = text(root, f"{name}/cpuinfo_max_freq"), text(root, f"{name}/scaling_max_freq")
            if highest and limit and (int(limit) < int(highest)) == (finding["outcome"] == "fail"):
                raw |= of
        told = subject_cpus([finding])
        yield finding, bool(told) and told <= raw


def turbo(root, findings):
    for finding in (f for f in findings if f["subject"] == "turbo" and f["outcome"] in ("pass", "fail")):
        boost = text(root, "/sys/devices/system/cpu/cpufreq/boost")
        no_turbo = text(root, "/sys/devices/system/cpu/intel_pstate/no_turbo")
        yield finding, (boost == "0" or no_turbo == "1") == (finding["outcome"] == "fail")


def headroom(root, findings):
    for finding in (f for f in findings if f["subject"] == "node"):
        share = re.match(r"([\d.]+) % of the memory is available", finding["message"])
        if share:
            sizes = dict(re.findall(r"^(\w+):\s+(\d+)", text(root, "/proc/meminfo"), re.M))
            raw = 100 * int(sizes["MemAvailable"]) / int(sizes["MemTotal"])
            yield finding, abs(raw - float(share[1])) < 0.051


def layout(root, findings):
    base = "/sys/devices/system/node"
    nodes = [n for n in glob.glob(f"{glob.escape(root)}{base}/node[0-9]*")]
    with_memory = [n for n in nodes if re.search(r"MemTotal:\s+[1-9]", text("", f"{n}/meminfo") or "")]
    for finding in findings:
        told = re.search(r"nodes with memory: (\d+)", finding["message"])
        if finding["subject"] == "layout" and told:
            yield finding, int(told[1]) == len(with_memory)
        elif finding["subject"] == "layout" and "in one node" in finding["message"]:
            yield finding, len(with_memory) == 1
        elif finding["subject"] == "distances" and finding["outcome"] in ("pass", "warn"):
            order = sorted(nodes, key=lambda n: int(re.search(r"(\d+)$", n)[1]))
            rows = [[int(d) for d in (text("", f"{n}/distance") or "").split()] for n in order]
            size = range(len(rows))
            good = all(rows[a][b] > rows[a][a] and rows[a][b] == rows[b][a] for a in size for b in size if a != b)
            yield finding, good == (finding["outcome"] == "pass")


def mitigations(root, findings):
    for finding in (f for f in findings if f["outcome"] == "warn" and "not fully mitigated" in f["message"]):
        told = set(finding["message"].split(": ")[1].split(", "))
        folder = f"{root}/sys/devices/system/cpu/vulnerabilities"
        raw = {n for n in os.listdir(folder) if (text("", f"{folder}/{n}") or "").lower().find("vulnerable") >= 0}
        yield finding, told <= raw


def release(root, findings):
    for finding in findings:
        named = re.match(r"`([^`]+)` is not marked as a debug kernel", finding["message"])
        if named:
            raw = (text(root, "/proc/sys/kernel/osrelease") or "") + (text(root, "/proc/version") or "")
            yield finding, named[1] in raw and "debug" not in named[1]


def values(root, findings):
    """The cited value is what the cited file holds."""
    for finding in findings:
        cited = finding["evidence"]
        held = [text(root, c["source"]) for c in cited if c["source"].startswith("/") and "value" in c]
        if finding["outcome"] in ("warn", "fail") and held and None not in held:
            yield finding, all(text(root, c["source"]) == c["value"] for c in cited)


def quotas(root, findings):
    """What is told of a group's quota and of its throttled periods is what its own files hold."""
    for finding in findings:
        group = finding["subject"]
        if not group.startswith("/sys/fs/cgroup"):
            continue
        limit, quota = text(root, f"{group}/cpu.max"), text(root, f"{group}/cpu.cfs_quota_us")
        counted = re.search(r"throttled in (\d+) of (\d+) periods \(([\d.]+) %\) since", finding["message"])
        if finding["outcome"] == "pass" and "no CPU quota" in finding["message"]:
            # Only the root of the hierarchy has neither file, and never a quota.
            is_root = os.path.isfile(f"{root}{group}/cgroup.controllers") and not text(root, f"{group}/cgroup.type")
            free = (limit or "").startswith("max") or quota == "-1" or (is_root and not limit)
            yield finding, free
        elif counted:
            held = dict(re.findall(r"^(nr_\w+) (\d+)", text(root, f"{group}/cpu.stat") or "", re.M))
            share = 100 * int(held["nr_throttled"]) / int(held["nr_periods"])
            yield finding, counted.groups()[:2] == (held["nr_throttled"], held["nr_periods"]) and abs(share - float(counted[3])) < 0.06


def pools(root, findings):
    """A pool has as many threads of one name as are told, and there are fewer CPUs than that."""
    for finding in findings:
        told = re.search(r"process (\d+) has a pool of (\d+) threads \(`([^`]+)`.* for ([\d.]+) usable CPU", finding["message"])
        if told and finding["outcome"] in ("warn", "fail"):
            names = [text("", f) for f in glob.glob(f"{glob.escape(root)}/proc/{told[1]}/task/*/comm")]
            stats = [text("", f) or "" for f in glob.glob(f"{glob.escape(root)}/proc/{told[1]}/task/*/stat")]
            named = max(names.count(told[3]), sum(f"({told[3]})" in stat for stat in stats))
            yield finding, named - int(told[2]) in (0, 1) and int(told[2]) > float(told[4])


def cited(root, findings):
    """Of a file that a finding cites with names and numbers, each name that the file has has that number."""
    for finding in findings:
        pairs = []
        for citation in finding["evidence"]:
            held = text(root, citation["source"]) if citation["source"].startswith("/") else None
            if held is None:
                continue
            if citation["value"] in (held, held.splitlines()[0] if held else ""):
                pairs.append(True)
                continue
            for name, number in re.findall(r"\b([A-Za-z_]\w+):? (-?\d+)(?![\d.]| ?[GMK]i?B| %)", citation["value"]):
                own = re.findall(rf"^{re.escape(name)}\b[:=\s]+(-?\d+)", held, re.M)
                if own:
                    pairs.append(number in own)
        if pairs and finding["outcome"] in ("pass", "info", "warn", "fail"):
            yield finding, all(pairs)


RULES = {
    "sched.cfs-throttling": quotas,
    "affinity.omp-threads": pools,
    "cpu.governor": governor,
    "cpu.turbo-caps": lambda root, findings: [*caps(root, findings), *turbo(root, findings)],
    "mem.headroom": headroom,
    "topo.numa-visible": layout,
    "kernel.mitigations": mitigations,
    "kernel.debug-options": release,
    "cpu.epp-epb": values,
    "cpu.uncore-elc": values,
    "cpu.thermal-throttle": values,
}


def trees(folder, work):
    oracle = os.path.join(folder, "oracle")
    places = ["hwloc/tests/hwloc/linux", "hwloc-hist", "util-linux/tests/ts/lscpu/dumps", "util-linux-hist/dumps",
              "ghw/testdata/snapshots", "openshift", "nri-plugins", "chcpu"]
    names = sorted({os.path.relpath(d, oracle) for d, _, files in os.walk(oracle) if files})
    for name in names:
        base = name.split("/")[-1].removesuffix(".internal")
        found = [f"{folder}/{p}/{prefix}{base}.{end}" for p in places for prefix in ("", "test-data-")
                 for end in ("tar.bz2", "tar.gz", "tgz", "tar.xz")]
        archive = next(filter(os.path.isfile, found), None)
        if archive:
            to = os.path.join(work, name.replace("/", "_"))
            os.makedirs(to)
            subprocess.run(["tar", "-xf", archive, "-C", to], stderr=subprocess.DEVNULL)
            for here, below, _ in os.walk(to):
                if "proc" in below or "sys" in below:
                    yield name, here
                    break
    field = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "field")
    for archive in sorted(glob.glob(f"{glob.escape(field)}/*/tree.tar.gz")):
        name = os.path.basename(os.path.dirname(archive))
        to = os.path.join(work, f"field_{name}")
        os.makedirs(to)
        subprocess.run(["tar", "-xf", archive, "-C", to], check=True)
        roots = [here for here, below, _ in os.walk(to) if "proc" in below or "sys" in below]
        if roots:
            yield f"field/{name}", roots[0]


def main(plumb, folder):
    print("| recording | re-derived | of these agree | checks |\n|---|--:|--:|---|")
    machines = three = compared = 0
    differing = []
    with tempfile.TemporaryDirectory() as work:
        for name, root in trees(folder, work):
            bundle = os.path.join(work, "x.plumb")
            subprocess.run([plumb, "-q", "collect", "-o", bundle, "--sysroot", root], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            answer = subprocess.run([plumb, "check", "--format", "json", bundle], check=True, capture_output=True)
            findings = json.loads(answer.stdout)["findings"]
            seen = [(check, finding, good) for check, rule in RULES.items()
                    for finding, good in rule(root, [f for f in findings if f["check"] == check])]
            told = [finding for _, finding, _ in seen]
            seen += [(f["check"], f, good) for f, good in cited(root, [f for f in findings if f not in told])]
            differing += [f"{name}: {c} {f['subject']}: {f['message']}" for c, f, good in seen if not good]
            good = sum(1 for *_, good in seen if good)
            machines, three, compared = machines + 1, three + (len(seen) >= 3), compared + len(seen)
            print(f"| {name} | {len(seen)} | {good} | {', '.join(sorted({c for c, *_ in seen}))} |", flush=True)
            os.remove(bundle)
    print(f"| **all {machines}** | {compared} | {compared - len(differing)} | three or more on {three} machines |")
    print("\n".join(differing), file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
