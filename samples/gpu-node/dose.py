#!/usr/bin/env python3
"""Dose and response: one factor at a time over its range, on one running vLLM, in randomised blocks.

    dose.py serve --state STATE --name NAME --port PORT [--eager] [--env KEY=VALUE ...]   start a server that outlives this call
    dose.py ready --state STATE --name NAME         wait until it answers
    dose.py plan [--phase PHASE] [--seed N] [--blocks N]   the order of the cells, as CSV
    dose.py run --state STATE --out OUT [--phase ...] [--seconds N]   measure the cells not measured yet, until the time is up

Phases: `main` and `restart` are of the first measurement; `near` (cells near the thresholds, graphs against eager) and `large` (a larger
model) are for one GPU of two, each with half of the CPUs (`taskset`) and a control group of its own (`--group`), so that both
can run at once; `pair` loads two servers at once, `split` one server on both GPUs, both with all CPUs.

`run` may be called again and again: what was measured is noted in STATE, and each cell is written to OUT as it ends. The server
is never restarted between cells: CPUs are set for each of its threads (sched_setaffinity), quota and weight in a control
group of its own (where none can be made, those cells are left out and said so), neighbours are started and ended around
a cell. Load comes from `plumb bench` in a closed loop, on a CPU of its own; `plumb collect --sample 5` and nvidia-smi run on
another. Needs root for affinity and control groups. Python's standard library only.

Everything is for a node that nobody else uses: do not run it where somebody is served.
"""

import argparse
import csv
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
GROUPS = pathlib.Path("/sys/fs/cgroup")
LOAD_S, WARMUP_S, SAMPLE_S = 8, 1.0, 5

# Busy loops, and copies of memory far larger than any cache.
HOG = "while True: pass"
MEMORY_HOG = "a=bytearray(1<<27);b=bytearray(a)\nwhile True: b[:]=a"

FIELDS = [
    "phase", "block", "cell", "factor", "order", "seed", "server", "server_cpus", "quota_factor", "quota_cpus", "weight", "hogs",
    "hog_cpus", "hog_nice", "hog_group", "memory_hogs", "streams", "collected", "started_unix_s", "valid", "invalid_reason",
    "requests", "failed", "requests_per_s", "output_tokens_per_s", "ttft_p50_ms", "ttft_p95_ms", "ttft_p99_ms", "itl_p50_ms",
    "itl_p95_ms", "itl_p99_ms", "e2e_p50_ms", "e2e_p95_ms", "stall_p95_ms", "window_s", "tokens", "server_cpu_s", "run_delay_s",
    "run_delay_share_percent", "worst_thread", "worst_delay_percent", "hottest_thread", "hottest_cpu_percent", "voluntary_switches",
    "involuntary_switches", "cpu_ms_per_token", "switches_per_token", "involuntary_per_token", "periods", "throttled_periods",
    "throttled_s", "throttled_periods_percent", "group_pressure_some_percent", "gpu_busy_percent", "gpu_power_w", "gpu_sm_mhz",
    "collect_s", "bundle", "server_pid", "control_group", "placed",
]  # fmt: skip


class Cpus:
    """Who may use which CPUs: the server all but two, the client and the collector one each.

    `halves` are for two GPUs: of each half of the CPUs the last four are not for servers, and of these the first is for the collector, the
    second for the client, and two are spare. So the server's CPUs are the same where a run was given a half without its last two."""

    def __init__(self):
        every = sorted(os.sched_getaffinity(0))
        self.every = every
        self.client, self.collector = every[-1], every[-2:][0]
        self.server = every[:-2] or every
        middle = len(every) // 2
        self.halves = [half[:-4] or half for half in (every[:middle] or every, every[middle:])]
        self.clients = [(half[-3:-2] or half)[0] for half in (every[:middle] or every, every[middle:])]
        self.spare = (every[middle - 2 : middle] + every[-2:]) or every

    def first(self, count):
        return self.server[: max(1, min(count, len(self.server)))]


def cells(phase, cpus):
    """Cells by name: factor and what is set. Missing keys mean the baseline: all 14 CPUs, no neighbours, 16 streams."""
    first, everything = cpus.first, cpus.server
    half = first(8)
    rest = [cpu for cpu in everything if cpu not in half] or half
    table = {}

    def cell(name, factor, **settings):
        table[name] = {"factor": factor, **settings}

    if phase == "restart":
        # Servers that differ in how they were launched, side by side; the ones not measured idle.
        for server in ("graphs", "omp1", "eager"):
            for count in (14, 4, 2, 1):
                if server != "eager" or count != 1:
                    cell(f"{server}-cpus-{count}", "launch", server=server, cpus=first(count), collect=False)
        return table
    if phase in ("pair", "split"):
        paired(phase, cpus, cell)
        return table
    names = ("baseline", "baseline-again", "baseline-once-more")
    for name in names if phase == "main" else names[:2]:
        cell(name, "baseline")
    if phase in ("near", "large"):
        for count in {"near": (4, 3, 2), "large": (3, 2, 1)}[phase]:
            cell(f"cpus-{count}", "cpus", cpus=first(count))
        cell("cpus-1.5", "quota", cpus=first(2), quota_cpus=1.5)
        for share in {"near": (1.2, 1.0, 0.9), "large": (1.0, 0.8)}[phase]:
            cell(f"quota-{share}", "quota", quota=share)
        for count in {"near": (6, 7), "large": (6, 8)}[phase]:
            cell(f"hogs-{count}-of-8", "hogs", cpus=half, hogs=half[:count])
        cell("free-hogs-12", "free-hogs", hogs=[None] * 12)
        if phase == "near":
            cell("free-hogs-12-cpuset", "free-hogs", hogs=[None] * 12, group="other", cpuset=everything[-4:])
            cell("eager", "launch", server="eager")
            cell("eager-cpus-2", "launch", server="eager", cpus=first(2))
        else:
            cell("hogs-8-of-8-weight", "hogs", cpus=half, hogs=half, group="other", weight=1000)
            cell("streams-64", "streams", streams=64)
            cell("streams-64-cpus-2", "streams", streams=64, cpus=first(2))
        return table
    cell("baseline-no-collect", "collect", collect=False)
    cell("cpus-16", "cpus", cpus=cpus.every)
    for count in (8, 4, 3, 2, 1):
        cell(f"cpus-{count}", "cpus", cpus=first(count))
    for share in (1.5, 1.2, 1.0, 0.8, 0.6):
        cell(f"quota-{share}", "quota", quota=share)
    for count in (2, 4, 6, 8):
        cell(f"hogs-{count}-of-8", "hogs", cpus=half, hogs=half[:count])
    for count in (4, 8):
        cell(f"hogs-{count}-of-8-nice", "hogs", cpus=half, hogs=half[:count], nice=19)
    cell("hogs-8-of-8-group", "hogs", cpus=half, hogs=half, group="other")
    cell("hogs-8-of-8-weight", "hogs", cpus=half, hogs=half, group="other", weight=1000)
    for count in (4, 7, 14, 28):
        cell(f"free-hogs-{count}", "free-hogs", hogs=[None] * count)
    for count in (2, 4, 6):
        cell(f"memory-hogs-{count}", "memory", cpus=half, memory=(rest * 6)[:count])
    cell("pinned-4-hogs-same", "pinning", cpus=first(4), hogs=first(4))
    cell("pinned-4-hogs-elsewhere", "pinning", cpus=first(4), hogs=half[4:] or half)
    cell("unpinned-hogs-on-4", "pinning", hogs=first(4))
    cell("roles-apart", "pinning", roles=True)
    for count in (4, 64):
        cell(f"streams-{count}", "streams", streams=count)
    for count in (4, 2):
        cell(f"streams-64-cpus-{count}", "streams", streams=64, cpus=first(count))
    cell("streams-4-cpus-2", "streams", streams=4, cpus=first(2))
    return table


def paired(phase, cpus, cell):
    """Cells of two GPUs: where two servers run, or the two workers of one."""
    left, right = cpus.halves
    if phase == "pair":
        for name in ("baseline", "baseline-again"):
            cell(name, "baseline", both=[left, right])
        cell("swapped", "placement", both=[right, left])
        cell("same-4", "placement", both=[left[:4], left[:4]])
        cell("same-2", "placement", both=[left[:2], left[:2]])
        cell("hogs-beside-first", "hogs", both=[left, right], hogs=left)
        cell("memory-hogs-4", "memory", both=[left, right], memory=cpus.spare)
        return
    for name in ("baseline", "baseline-again"):
        cell(name, "baseline", cpus=left + right)
    cell("one-half", "placement", cpus=left)
    placed = {"workers": [left[:4], right[:4]], "cpus": left[4:8] or left}
    cell("placed", "placement", **placed)
    cell("swapped", "placement", **{**placed, "workers": placed["workers"][::-1]})
    for count in (4, 3, 2):
        cell(f"cpus-{count}", "cpus", cpus=left[:count])
    cell("hogs-on-one-worker", "hogs", **placed, hogs=right[:4])


def plan(phase, seed, blocks, cpus):
    """Each block holds every cell once, in an order of its own; the baseline opens it, since the quotas are shares of what it used."""
    names = list(cells(phase, cpus))
    order = []
    for block in range(1, blocks + 1):
        rest = [name for name in names if name != "baseline"]
        random.Random(f"{seed}/{phase}/{block}").shuffle(rest)
        head = ["baseline"] if "baseline" in names else []
        order += [(block, name) for name in head + rest]
    return order


def text(path):
    return pathlib.Path(path).read_text()


def write(path, value):
    with open(path, "w") as file:
        file.write(str(value))


class Server:
    def __init__(self, state, name):
        self.name = name
        self.told = json.loads(text(state / f"{name}.json"))
        self.pid, self.port = self.told["pid"], self.told["port"]
        self.url = f"http://127.0.0.1:{self.port}"

    def processes(self):
        """The process that was started and all its descendants."""
        parents = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                parents[int(folder.name)] = int(text(folder / "stat").rpartition(")")[2].split()[1])
            except OSError:
                pass
        family = {self.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return sorted(family)

    def threads(self):
        for pid in self.processes():
            try:
                for tid in os.listdir(f"/proc/{pid}/task"):
                    yield pid, int(tid)
            except OSError:
                pass

    def bind(self, cpus):
        # Twice: a thread may be born while the first round goes on.
        for _ in range(2):
            for _, tid in self.threads():
                try:
                    os.sched_setaffinity(tid, cpus)
                except OSError:
                    pass

    def bind_roles(self, engine, others):
        """The engine core on CPUs of its own, all else on others."""
        self.bind(others)
        for pid in self.processes():
            if "EngineCore" in text(f"/proc/{pid}/cmdline") + text(f"/proc/{pid}/comm"):
                for tid in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setaffinity(int(tid), engine)

    def bind_workers(self, cpus, others):
        """Each worker of a tensor-parallel server, by its rank, on CPUs of its own, all else on others."""
        self.bind(others)
        workers = [pid for pid in self.processes() if "Worker" in text(f"/proc/{pid}/cmdline") + text(f"/proc/{pid}/comm")]
        for pid, own in zip(workers, cpus):
            for tid in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(tid), own)
        return len(workers)

    def counters(self):
        """Per thread: name, time on a CPU and waiting for one in ns, switches of both kinds."""
        found = {}
        for pid, tid in self.threads():
            try:
                folder = f"/proc/{pid}/task/{tid}"
                run, wait, _ = map(int, text(f"{folder}/schedstat").split())
                status = dict(line.split(":\t", 1) for line in text(f"{folder}/status").splitlines() if ":\t" in line)
                switches = int(status["voluntary_ctxt_switches"]), int(status["nonvoluntary_ctxt_switches"])
                found[pid, tid] = status["Name"], run, wait, *switches
            except (OSError, ValueError, KeyError):
                pass
        return found

    def tokens(self):
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as reply:
            lines = reply.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("vllm:generation_tokens_total{"))


class Group:
    """Control groups for the server and, beside it, for neighbours, of either version; `problem` says why they cannot be made."""

    def __init__(self, name):
        self.problem, self.no_cpuset = None, None
        self.is_v2 = (GROUPS / "cgroup.controllers").exists()
        root = GROUPS if self.is_v2 else GROUPS / "cpu"
        self.server, self.other = root / name / "server", root / name / "other"
        try:
            if not self.is_v2 and not (root / "cpu.cfs_quota_us").exists() and not (root / "cpu.shares").exists():
                raise OSError(f"no cpu controller under {GROUPS}")
            for parent in (root, root / name):
                parent.mkdir(exist_ok=True)
                if self.is_v2:
                    write(parent / "cgroup.subtree_control", "+cpu")
                    try:
                        write(parent / "cgroup.subtree_control", "+cpuset")
                    except OSError as error:
                        self.no_cpuset = str(error)
            for group in (self.server, self.other):
                group.mkdir(exist_ok=True)
            self.set(None, 100)
        except OSError as error:
            self.problem = str(error)

    @property
    def usable(self):
        return self.problem is None

    def enter(self, group, pid):
        if self.usable:
            write(group / "cgroup.procs", pid)

    def confine(self, cpus):
        """The CPUs of the group beside the server's, by its cpuset; `None`: all."""
        if self.usable and not self.no_cpuset and (self.other / "cpuset.cpus").exists():
            write(self.other / "cpuset.cpus", ",".join(map(str, cpus or [])) + "\n")

    def set(self, quota_cpus, weight):
        """Quota in CPUs (`None`: none) and weight (100 is the usual one) of the server's group."""
        if not self.usable:
            return
        quota = round(quota_cpus * 1e5) if quota_cpus else None
        if self.is_v2:
            write(self.server / "cpu.max", f"{quota or 'max'} 100000")
            write(self.server / "cpu.weight", weight)
        else:
            write(self.server / "cpu.cfs_period_us", 100000)
            write(self.server / "cpu.cfs_quota_us", quota or -1)
            write(self.server / "cpu.shares", round(weight * 10.24))

    def counters(self):
        """Periods, throttled periods, throttled time in us, time in which some thread waited in us."""
        if not self.usable:
            return None
        numbers = dict(line.split() for line in text(self.server / "cpu.stat").splitlines())
        try:
            some = text(self.server / "cpu.pressure").split("total=")[1].split()[0]
        except (OSError, IndexError):
            some = 0
        stopped_us = int(numbers.get("throttled_usec", int(numbers.get("throttled_time", 0)) // 1000))
        return [int(numbers.get("nr_periods", 0)), int(numbers.get("nr_throttled", 0)), stopped_us, int(some)]


class Gpu:
    """nvidia-smi, twice a second, with the time at which each line came."""

    def __init__(self, cpu, path, gpu):
        self.path, self.process = path, None
        if shutil.which("nvidia-smi"):
            query = "utilization.gpu,power.draw,clocks.sm"
            command = ["taskset", "-c", str(cpu), "nvidia-smi", "-i", str(gpu), f"--query-gpu=timestamp,{query}", "--format=csv,noheader,nounits", "-lms", "500"]
            self.process = subprocess.Popen(command, stdout=open(path, "w"), stderr=subprocess.DEVNULL)

    def between(self, start, end):
        """Means of utilisation, power and clock."""
        if not self.process:
            return None, None, None
        rows = []
        for line in text(self.path).splitlines():
            parts = [part.strip() for part in line.split(",")]
            try:
                whole, _, fraction = parts[0].partition(".")
                at = time.mktime(time.strptime(whole, "%Y/%m/%d %H:%M:%S")) + float(f"0.{fraction or 0}")
                if start + 0.5 <= at <= end:
                    rows.append([float(part) for part in parts[1:4]])
            except ValueError:
                pass
        return [round(sum(column) / len(rows), 2) for column in zip(*rows)] if rows else (None, None, None)

    def stop(self):
        if self.process:
            self.process.kill()


def serve(options):
    state = pathlib.Path(options.state)
    state.mkdir(parents=True, exist_ok=True)
    if options.mock:
        command = [sys.executable, str(HERE / "server.py"), "--engine", "sleep", "--port", str(options.port), "--slots", "64"]
    else:
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", options.model, "--load-format", "dummy"]
        command += ["--host", "127.0.0.1", "--port", str(options.port), "--max-model-len", "4096", "--dtype", "bfloat16"]
        command += ["--served-model-name", options.served, *options.extra]
        if options.eager:
            command.append("--enforce-eager")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_USE_FLASHINFER_SAMPLER": "0"}
    environment.update(item.split("=", 1) for item in options.env)
    cpus = Cpus().server
    log = open(state / f"{options.name}.log", "w")
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )  # fmt: skip
    told = {"pid": process.pid, "port": options.port, "command": command, "started": time.time(), "environment": options.env}
    write(state / f"{options.name}.json", json.dumps(told))


def ready(options):
    server = Server(pathlib.Path(options.state), options.name)
    ends = time.monotonic() + options.seconds
    while time.monotonic() < ends:
        try:
            urllib.request.urlopen(f"{server.url}/health", timeout=5).read()
            print(f"{options.name} ready {time.time() - server.told['started']:.0f} s after its start", flush=True)
            return
        except OSError:
            if not os.path.exists(f"/proc/{server.pid}"):
                break
            time.sleep(0.5)
    log = text(pathlib.Path(options.state) / f"{options.name}.log")
    sys.exit(f"{options.name} did not come up:\n{log[-6000:]}")


class Runner:
    def __init__(self, options):
        self.options = options
        self.state, self.out = pathlib.Path(options.state), pathlib.Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.cpus = Cpus()
        self.table = cells(options.phase, self.cpus)
        self.group = Group(options.group)
        self.bundles = pathlib.Path(options.bundles) if options.bundles else None
        for folder in filter(None, (self.state, self.bundles)):
            folder.mkdir(parents=True, exist_ok=True)
        self.gpu = Gpu(self.cpus.collector, self.state / "gpu.csv", options.gpu)
        self.servers = {}
        self.neighbours = []
        self.used = None
        used = self.state / "used_cpus"
        if used.exists():
            self.used = float(text(used))

    def server(self, name):
        if name not in self.servers:
            server = self.servers[name] = Server(pathlib.Path(self.options.servers or self.state), name)
            for pid in server.processes():
                self.group.enter(self.group.server, pid)
        return self.servers[name]

    def hog(self, code, cpu, nice, group):
        def prepare():
            os.sched_setaffinity(0, self.cpus.server if cpu is None else [cpu])
            os.nice(nice)

        process = subprocess.Popen([sys.executable, "-S", "-E", "-c", code], preexec_fn=prepare, start_new_session=True)
        self.group.enter(group, process.pid)
        self.neighbours.append(process)

    def clear(self):
        for process in self.neighbours:
            process.kill()
        for process in self.neighbours:
            process.wait()
        self.neighbours = []

    def bench(self, server, streams, records, client):
        command = [self.options.loader or self.options.plumb, "-q", "bench", server.url, "-d", str(LOAD_S), "--warmup", f"{WARMUP_S:g}s", "-c", str(streams)]
        command += ["--prompt-tokens", "128", "--output-tokens", "64", "--timeout", "30", "--cpus", str(client)]
        command += ["--records", str(records), "--force", "--format", "json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def place(self, settings):
        """Which servers are loaded, where each now runs, and from which CPU: one, or two at once."""
        if "both" in settings:
            loaded = [
                (phase, self.server(name), cpus, client)
                for (phase, name), cpus, client in zip([("pair-1", "graphs"), ("pair-2", "large")], settings["both"], self.cpus.clients)
            ]
            for _, server, cpus, _ in loaded:
                server.bind(cpus)
            return loaded, None
        server, cpus = self.server(settings.get("server", self.options.server)), settings.get("cpus", self.cpus.server)
        placed = None
        if settings.get("roles"):
            server.bind_roles(self.cpus.first(2), self.cpus.server[2:8] or self.cpus.server)
        elif "workers" in settings:
            found = server.bind_workers(settings["workers"], cpus)
            placed = f"{found} workers: " + "; ".join(map(listed, settings["workers"]))
        else:
            server.bind(cpus)
        return [(self.options.phase, server, cpus, self.cpus.client)], placed

    def measure(self, order, block, name):
        settings = self.table[name]
        loaded, placed = self.place(settings)
        quota = settings.get("quota")
        quota_cpus = round(quota * self.used, 3) if quota else settings.get("quota_cpus")
        streams, weight = settings.get("streams", 16), settings.get("weight", 100)
        self.group.set(quota_cpus, weight)
        self.group.confine(settings.get("cpuset"))
        beside = self.group.other if settings.get("group") == "other" else self.group.server
        for cpu in settings.get("hogs", []):
            self.hog(HOG, cpu, settings.get("nice", 0), beside)
        for cpu in settings.get("memory", []):
            self.hog(MEMORY_HOG, cpu, 0, self.group.other)
        time.sleep(0.3)
        started = time.time()
        records = [self.state / f"records-{number}.jsonl" for number in range(len(loaded))]
        benches = [self.bench(server, streams, path, client) for (_, server, _, client), path in zip(loaded, records)]
        time.sleep(WARMUP_S + 0.5)
        read = lambda: [(server.counters(), server.tokens(), time.time()) for _, server, _, _ in loaded]
        before, of_group, at = read(), self.group.counters(), time.time()
        bundle, collector, collect_s = None, None, None
        if settings.get("collect", True) and block <= self.options.collect_blocks:
            bundle = f"{self.options.phase}-{block}-{name}.plumb"
            path = self.state / bundle
            command = [self.options.plumb, "-q", "collect", "--sample", str(SAMPLE_S), "--cpus", str(self.cpus.collector), "-o", str(path)]
            collector = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # The middle of the load: with neither its beginning nor its end.
        time.sleep(max(0, at + LOAD_S - 1.5 - time.time()))
        after, of_group_after, ended = read(), self.group.counters(), time.time()
        said = [bench.communicate() for bench in benches]
        if collector:
            _, trouble = collector.communicate()
            collect_s = round(time.time() - at, 1)
            if not path.exists():
                print(f"collect: {trouble.decode()[-300:]}", flush=True)
                bundle = None
        self.clear()
        self.group.set(None, 100)
        self.group.confine(None)
        rows = []
        for number, (phase, server, cpus, _) in enumerate(loaded):
            try:
                result = json.loads(said[number][0])
            except ValueError:
                result = {"valid": False, "invalid_reason": said[number][1].decode()[-200:]}
            row = {
                "phase": phase, "block": block, "cell": name, "factor": settings["factor"], "order": order,
                "seed": self.options.seed, "server": server.name, "server_cpus": listed(cpus), "quota_factor": quota,
                "quota_cpus": quota_cpus, "weight": weight, "hogs": len(settings.get("hogs", [])),
                "hog_cpus": listed(settings.get("cpuset") or [cpu for cpu in settings.get("hogs", []) if cpu is not None]),
                "hog_nice": settings.get("nice", 0), "hog_group": settings.get("group", "same"),
                "memory_hogs": len(settings.get("memory", [])), "streams": streams, "collected": int(bool(collector)),
                "started_unix_s": round(started, 1), "collect_s": collect_s, "bundle": bundle, "server_pid": server.pid,
                "control_group": self.options.group, "placed": placed,
            }  # fmt: skip
            row.update(of_bench(result))
            (first, tokens, begin), (last, tokens_after, end) = before[number], after[number]
            row.update(of_threads(first, last, end - begin, tokens_after - tokens))
            row.update(of_control_group(of_group, of_group_after, ended - at))
            row["gpu_busy_percent"], row["gpu_power_w"], row["gpu_sm_mhz"] = self.gpu.between(at, ended)
            if name == "baseline":
                self.used = row["server_cpu_s"] / row["window_s"]
                write(self.state / "used_cpus", self.used)
            self.keep(row, records[number], bundle if number == 0 else None)
            rows.append(row)
        with open(self.state / "done", "a") as file:
            print(self.options.phase, block, name, file=file)
        return rows

    def keep(self, row, records, bundle):
        """Written as the cell ends: a stop loses one cell at most."""
        path = self.out / "cells.csv"
        is_new = not path.exists()
        with open(path, "a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        if records.exists():
            path = self.out / "requests.csv"
            is_new = not path.exists()
            with open(path, "a") as file:
                if is_new:
                    print("phase,block,cell,ttft_ms,mean_token_gap_ms,longest_gap_ms,e2e_ms", file=file)
                for line in open(records):
                    told = json.loads(line)
                    if told.get("phase") == "measured" and (first := told.get("first_us")) is not None:
                        gaps = told.get("gaps_us") or [0]
                        times = [first - told["sched_us"], sum(gaps) / len(gaps), max(gaps), (told.get("last_us") or first) - told["sched_us"]]
                        shown = [f"{time / 1000:.{digits}f}" for time, digits in zip(times, (1, 2, 1, 1))]
                        print(row["phase"], row["block"], row["cell"], *shown, sep=",", file=file)
            records.unlink()
        if bundle:
            path = self.state / bundle
            if self.bundles:
                shutil.move(path, self.bundles / bundle)
                return
            number = 1
            while (archive := self.out / f"bundles-{number}.tar").exists() and archive.stat().st_size + path.stat().st_size > 15_000_000:
                number += 1
            if number <= 5:
                with tarfile.open(archive, "a") as file:
                    file.add(path, bundle)
            path.unlink()

    def run(self):
        began = time.monotonic()
        done = set(text(self.state / "done").splitlines()) if (self.state / "done").exists() else set()
        print(f"control groups: {self.group.problem or 'usable'}; CPUs of the server {listed(self.cpus.server)}", flush=True)
        taken = 0.0
        for order, (block, name) in enumerate(plan(self.options.phase, self.options.seed, self.options.blocks, self.cpus), 1):
            if f"{self.options.phase} {block} {name}" in done:
                continue
            settings = self.table[name]
            if not re.fullmatch(self.options.cells, name):
                continue
            if not self.group.usable and ("quota" in settings or "quota_cpus" in settings or settings.get("group")):
                continue
            if self.group.no_cpuset and "cpuset" in settings:
                print(f"no cpuset: {self.group.no_cpuset}", flush=True)
                continue
            if time.monotonic() - began + max(taken, LOAD_S + 3) + 2 > self.options.seconds:
                print("time is up", flush=True)
                break
            start = time.monotonic()
            try:
                rows = self.measure(order, block, name)
            except Exception as error:  # one cell that fails must not cost the others
                self.clear()
                print(f"{block} {name}: {type(error).__name__}: {error}", flush=True)
                continue
            taken = max(taken * 0.8, time.monotonic() - start)
            shown = ["valid", "requests", "failed", "output_tokens_per_s", "ttft_p50_ms", "ttft_p95_ms", "itl_p50_ms", "itl_p95_ms"]
            shown += ["server_cpu_s", "worst_delay_percent", "hottest_cpu_percent", "throttled_periods_percent", "gpu_busy_percent"]
            for row in rows:
                print(f"{row['phase']} {block} {name}:", *(row.get(key) for key in shown), f"{time.monotonic() - start:.1f}s", flush=True)
        self.gpu.stop()


def listed(cpus):
    return " ".join(map(str, cpus))


def rounded(value, digits=3):
    return value if value is None else round(value, digits)


def of_bench(result):
    errors = result.get("errors") or {}
    row = {
        "valid": int(bool(result.get("valid"))), "invalid_reason": result.get("invalid_reason"), "requests": result.get("requests"),
        "failed": sum(errors.values()) if all(isinstance(count, int) for count in errors.values()) else json.dumps(errors),
        "requests_per_s": rounded(result.get("requests_per_s")), "output_tokens_per_s": rounded(result.get("output_tokens_per_s"), 1),
    }  # fmt: skip
    for name, percentiles in [("ttft", (50, 95, 99)), ("itl", (50, 95, 99)), ("e2e", (50, 95)), ("stall", (95,))]:
        for percentile in percentiles:
            row[f"{name}_p{percentile}_ms"] = rounded((result.get(f"{name}_ms") or {}).get(f"p{percentile}"))
    return row


def of_threads(before, after, seconds, tokens):
    differences = {key: [b - a for a, b in zip(before.get(key, ["", 0, 0, 0, 0])[1:], value[1:])] for key, value in after.items()}
    run, wait, voluntary, involuntary = (sum(column) for column in zip(*differences.values()))
    critical = {key: value for key, value in differences.items() if value[0] + value[1] > 0.05 * seconds * 1e9}
    delay = lambda key: 100 * critical[key][1] / (critical[key][0] + critical[key][1])
    worst = max(critical, key=delay, default=None)
    hottest = max(differences, key=lambda key: differences[key][0])
    tokens_or_1 = max(tokens, 1)
    return {
        "window_s": round(seconds, 3), "tokens": round(tokens), "server_cpu_s": round(run / 1e9, 3), "run_delay_s": round(wait / 1e9, 4),
        "run_delay_share_percent": round(100 * wait / max(run + wait, 1), 3),
        "worst_thread": worst and after[worst][0], "worst_delay_percent": worst and round(delay(worst), 3),
        "hottest_thread": after[hottest][0], "hottest_cpu_percent": round(differences[hottest][0] / seconds / 1e7, 1),
        "voluntary_switches": voluntary, "involuntary_switches": involuntary,
        "cpu_ms_per_token": round(run / 1e6 / tokens_or_1, 5), "switches_per_token": round((voluntary + involuntary) / tokens_or_1, 4),
        "involuntary_per_token": round(involuntary / tokens_or_1, 5),
    }  # fmt: skip


def of_control_group(before, after, seconds):
    if before is None:
        return {}
    periods, throttled, stopped_us, pressed_us = (b - a for a, b in zip(before, after))
    return {
        "periods": periods, "throttled_periods": throttled, "throttled_s": round(stopped_us / 1e6, 4),
        "throttled_periods_percent": round(100 * throttled / periods, 2) if periods else None,
        "group_pressure_some_percent": round(pressed_us / 1e4 / seconds, 2),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("serve")
    command.add_argument("--state", required=True)
    command.add_argument("--name", required=True)
    command.add_argument("--port", type=int, required=True)
    command.add_argument("--model", default="model")
    command.add_argument("--eager", action="store_true")
    command.add_argument("--mock", action="store_true", help="server.py without a GPU instead of vLLM")
    command.add_argument("--served", default="llama-1b", help="name of the model")
    command.add_argument("--env", action="append", default=[], metavar="KEY=VALUE")
    command.add_argument("extra", nargs="*", help="further options of vLLM, after `--`")
    command.set_defaults(run=serve)
    command = commands.add_parser("ready")
    command.add_argument("--state", required=True)
    command.add_argument("--name", required=True)
    command.add_argument("--seconds", type=float, default=300)
    command.set_defaults(run=ready)
    for name in ("plan", "run"):
        command = commands.add_parser(name)
        command.add_argument("--phase", choices=["main", "restart", "near", "large", "pair", "split"], default="main")
        command.add_argument("--seed", type=int, default=27)
        command.add_argument("--blocks", type=int, default=3)
        if name == "run":
            command.add_argument("--state", required=True)
            command.add_argument("--out", required=True)
            command.add_argument("--plumb", default="plumb")
            command.add_argument("--loader", help="another build of plumb for the load; default: --plumb")
            command.add_argument("--seconds", type=float, default=580)
            command.add_argument("--server", default="graphs", help="the server of cells that name none")
            command.add_argument("--group", default="dose", help="name of the control group")
            command.add_argument("--gpu", default="0", help="which GPU nvidia-smi watches")
            command.add_argument("--bundles", help="folder for the bundles, one file each; default: archives in --out")
            command.add_argument("--servers", help="folder in which `serve` noted the servers; default: --state")
            command.add_argument("--collect-blocks", type=int, default=99, metavar="N", help="collect in so many blocks")
            command.add_argument("--cells", default=".*", metavar="PATTERN", help="only cells whose names match")
            command.set_defaults(run=lambda options: Runner(options).run())
        else:
            command.set_defaults(run=show_plan)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    options.run(options)


def show_plan(options):
    print("order,block,cell")
    for order, (block, name) in enumerate(plan(options.phase, options.seed, options.blocks, Cpus()), 1):
        print(order, block, name, sep=",")


if __name__ == "__main__":
    main()
