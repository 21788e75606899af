#!/usr/bin/env python3
"""Tables of a dose–response measurement, in Markdown.

    dose_tables.py verdicts FOLDER [--plumb PROGRAM]    run `plumb check` on the bundles under FOLDER; write verdicts.csv
                                                         and windows.csv beside them
    dose_tables.py tables FOLDER                        print the tables

FOLDER holds cells.csv and requests.csv (or requests.csv.gz) of `dose.py run`, predictions.csv, and `*.plumb` for `verdicts`.

A ratio compares a cell with the cells of its baseline in the same block; over blocks it is the geometric mean. Its interval is the
2.5th to 97.5th percentile of 2000 resamplings of two levels: blocks with replacement, then the requests of the cell and of the baseline
in each drawn block with replacement (throughput: blocks only). Three blocks are few: such an interval is rather too narrow. So a response counts as
outside the noise only where the interval excludes 1 and the ratio also lies outside every ratio of one baseline to the others of its block.
"""

import argparse
import collections
import csv
import gzip
import itertools
import json
import math
import pathlib
import random
import subprocess

CHECKS = [
    "sched.cfs-throttling", "sched.run-delay", "sched.noisy-neighbours", "cpu.cores-per-gpu", "affinity.omp-threads", "slo.gpu-starvation",
]  # fmt: skip
BASELINES = ["baseline", "baseline-again", "baseline-once-more"]
AGAINST = {
    "streams-64-cpus-4": ["streams-64"], "streams-64-cpus-2": ["streams-64"], "streams-4-cpus-2": ["streams-4"], "eager-cpus-2": ["eager"],
}  # fmt: skip
# Cells that differ by load or by how the server was launched, which is no fault of the host.
NO_FAULT = {"streams-4", "streams-64", "eager"}
# Times of a request in the columns of requests.csv.
TTFT, TPOT, STALL, E2E = range(4)
ROUNDS = 2000
STOCK = 400


def judged(folder):
    """Bundles with the rows of cells.csv that they are about: two where two servers were loaded at once, none where they are not known."""
    rows = collections.defaultdict(list)
    for row in csv.DictReader(open(folder / "cells.csv")):
        if row.get("server_pid") and row["bundle"]:
            rows[row["bundle"]].append(row)
    for path in sorted(folder.glob("**/*.plumb")):
        if path.stem.count("-") > 1:
            yield path, rows[path.name]


def is_about(finding, row, servers):
    """Whether a finding is about the server of this cell: the node has others beside it."""
    kind, name = finding["object"]["kind"], finding["object"].get("id", "")
    if kind == "server":
        return name == row["server_pid"]
    if kind == "cgroup":
        group = f"/{row['control_group']}/server"
        return group in name or group in finding["subject"]
    return servers == 1


def verdicts(options):
    rows = []
    for path, cells in judged(options.folder):
        phase, block, cell = path.stem.split("-", 2)
        done = subprocess.run([options.plumb, "check", "-q", str(path), "--format", "json"], capture_output=True, text=True)
        # What waits in the server's queue was not put into these bundles, so that this part cannot answer.
        findings = [finding for finding in json.loads(done.stdout)["findings"] if finding["check"] in CHECKS and finding["subject"] != "queue"]
        servers = len({finding["object"]["id"] for finding in findings if finding["check"] == "cpu.cores-per-gpu" and finding["object"]["kind"] == "server"})
        for of_phase, own in [(row["phase"], [finding for finding in findings if is_about(finding, row, servers)]) for row in cells] or [(phase, findings)]:
            for check in CHECKS:
                worst = sorted(
                    (finding for finding in own if finding["check"] == check),
                    key=lambda finding: ["fail", "warn", "contradictory", "not-run", "info", "pass", "not-applicable"].index(finding["outcome"]),
                )
                if not worst and cells:
                    continue
                outcomes = " ".join(sorted({finding["outcome"] for finding in worst}))
                said = worst[0].get("problem") or worst[0].get("answer") or "" if worst else ""
                rows.append([of_phase, block, cell, check, worst[0]["outcome"] if worst else "", outcomes, said])
    with open(options.folder / "verdicts.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["phase", "block", "cell", "check", "outcome", "all_outcomes", "sentence"])
        writer.writerows(rows)


def of_window(evidence, row):
    """What was read twice of the server of a cell, or of all where it is not known which."""
    window, pid = evidence["window"], row.get("server_pid")
    servers = [server for server in evidence["servers"] if not pid or str(server["pid"]) == pid]
    processes = [process for server in servers for process in server["processes"]]
    own = {process["pid"] for process in processes}
    seconds, threads = window["seconds"], [thread for thread in window["threads"] if not pid or thread["pid"] in own]
    run = lambda thread: thread["run_ns"] / 1e9 / seconds
    wait = lambda thread: thread["wait_ns"] / 1e9 / seconds
    share = lambda thread: 100 * wait(thread) / (wait(thread) + run(thread))
    now = max((thread for thread in threads if wait(thread) + run(thread) >= 0.05), key=share, default=None)
    working = max((thread for thread in threads if run(thread) >= 0.1), key=share, default=None)
    allowed = set()
    for listed in {thread["cpus_allowed"] for process in processes for thread in process["threads"]}:
        for part in listed.split(","):
            first, _, last = part.partition("-")
            allowed |= set(range(int(first), int(last or first) + 1))
    kinds = "user_ticks", "nice_ticks", "system_ticks"
    busy = sum(time[kind] for time in window["cpus"] if time["cpu"] in allowed for kind in kinds)
    others = max(0, busy - sum(thread["cpu_ticks"] for thread in threads)) / 100 / seconds
    used = sum(map(run, threads))
    pool = [thread for thread in threads if thread["tid"] != thread["pid"] and thread["comm"].startswith("python3")]
    pressure = window["cgroups"].get(f"/sys/fs/cgroup/{row.get('control_group', 'dose')}/server", {}).get("pressure", {}).get("cpu", {}).get("some_us")
    return [
        *(("", "") if now is None else (now["comm"], f"{share(now):.2f}")),
        *(("", "") if working is None else (working["comm"], f"{share(working):.2f}")),
        "" if pressure is None else f"{pressure / 1e4 / seconds:.2f}", len(allowed), f"{used:.3f}", f"{others:.3f}",
        f"{len(allowed) - used - others:.3f}", sum(map(len, (process["threads"] for process in processes))), len(pool), f"{sum(map(run, pool)):.3f}",
    ]  # fmt: skip


def windows(options):
    """What the two readings of each bundle say of waiting, beside how the check reads them now."""
    rows = []
    for path, cells in judged(options.folder):
        phase, block, cell = path.stem.split("-", 2)
        done = subprocess.run([options.plumb, "bundle", "show", "--as", "evidence", str(path)], capture_output=True, text=True)
        evidence = json.loads(done.stdout)
        window = evidence["window"]
        for row in cells or [{"phase": phase}]:
            rows.append([row["phase"], block, cell, *of_window(evidence, row)])
    with open(options.folder / "windows.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = "phase block cell thread_of_check delay_of_check_percent working_thread working_delay_percent group_pressure_some_percent"
        writer.writerow([*head.split(), *"cpus_allowed server_cpus_used other_cpus_used cpus_left threads pool_threads pool_cpus_used".split()])
        writer.writerows(rows)


class Measured:
    def __init__(self, folder):
        self.rows = list(csv.DictReader(open(folder / "cells.csv")))
        self.cells = collections.defaultdict(dict)
        for row in self.rows:
            self.cells[row["phase"], row["cell"]][row["block"]] = row
        self.cells = dict(self.cells)
        self.drawn = {}
        self.requests = collections.defaultdict(list)
        packed = folder / "requests.csv.gz"
        with gzip.open(packed, "rt") if packed.exists() else open(folder / "requests.csv") as file:
            for line in file:
                if line.startswith("phase"):
                    continue
                phase, block, cell, *times = line.strip().split(",")
                self.requests[phase, cell, block].append(tuple(float(time) for time in times))

    def number(self, phase, cell, block, field):
        text = self.cells[phase, cell][block][field]
        return float(text) if text not in ("", None) else None

    def against(self, phase, cell):
        if phase == "restart":
            return ["graphs-cpus-14"]
        return AGAINST.get(cell, [name for name in BASELINES if name != cell])

    def blocks(self, phase, cell):
        others = self.against(phase, cell)
        return [block for block in self.cells[phase, cell] if any(block in self.cells.get((phase, other), {}) for other in others)]

    def times(self, phase, cell, block, which):
        return sorted(request[which] for request in self.requests.get((phase, cell, block), []))

    def sample(self, phase, cell, block, which, percentile):
        return quantile(self.times(phase, cell, block, which), percentile)

    def resampled(self, phase, cell, block, which, percentile):
        """The percentile of one resampling of the requests; a stock of them is drawn once."""
        key = phase, cell, block, which, percentile
        if key not in self.drawn:
            draw, times = random.Random(f"27/{key}"), self.times(phase, cell, block, which)
            self.drawn[key] = [resample(times, percentile, draw) for _ in range(STOCK)] if times else [None]
        return self.drawn[key]

    def ratio(self, phase, cell, which, percentile, seed=27):
        """Ratio of a percentile of a time of requests, with the ends of its interval."""
        blocks = self.blocks(phase, cell)
        if not blocks:
            return None

        def once(chosen, draw):
            logs = []
            read = lambda *key: draw.choice(self.resampled(*key)) if draw else self.sample(*key)
            for block in chosen:
                own = read(phase, cell, block, which, percentile)
                others = [
                    read(phase, other, block, which, percentile)
                    for other in self.against(phase, cell)
                    if block in self.cells.get((phase, other), {})
                ]
                others = [other for other in others if other]
                if own and others:
                    logs.append(math.log(own) - sum(map(math.log, others)) / len(others))
            return math.exp(sum(logs) / len(logs)) if logs else None

        draw = random.Random(f"{seed}/{phase}/{cell}/{which}/{percentile}")
        base = once(blocks, None)
        if base is None:
            return None
        drawn = sorted(value for _ in range(ROUNDS) if (value := once(draw.choices(blocks, k=len(blocks)), draw)))
        return base, quantile(drawn, 2.5), quantile(drawn, 97.5)

    def ratio_of_field(self, phase, cell, field, seed=27):
        logs = []
        for block in self.blocks(phase, cell):
            own = self.number(phase, cell, block, field)
            others = [
                self.number(phase, other, block, field) for other in self.against(phase, cell) if block in self.cells.get((phase, other), {})
            ]
            others = [other for other in others if other]
            if own and others:
                logs.append(math.log(own) - sum(map(math.log, others)) / len(others))
        if not logs:
            return None
        draw = random.Random(f"{seed}/{phase}/{cell}/{field}")
        drawn = sorted(sum(draw.choices(logs, k=len(logs))) / len(logs) for _ in range(ROUNDS))
        return math.exp(sum(logs) / len(logs)), math.exp(quantile(drawn, 2.5)), math.exp(quantile(drawn, 97.5))

    def mean(self, phase, cell, field):
        numbers = [self.number(phase, cell, block, field) for block in self.cells[phase, cell]]
        numbers = [number for number in numbers if number is not None]
        return sum(numbers) / len(numbers) if numbers else None



def resample(times, percent, draw):
    """A percentile of a sample drawn with replacement from sorted times: its rank is a draw from the order statistics of uniform
    numbers, which spares drawing the sample."""
    of = len(times)
    rank = (of - 1) * percent / 100 + 1
    return times[min(int(draw.betavariate(rank, of + 1 - rank) * of), of - 1)]


def quantile(values, percent):
    """A percentile of sorted values."""
    if not values:
        return None
    at = (len(values) - 1) * percent / 100
    low = math.floor(at)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (at - low)


def wilson(hits, of):
    if not of:
        return None
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return middle - half, middle + half


def shown(ratio):
    return "—" if ratio is None else f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})"


def plain(value, digits=1):
    return "—" if value is None else f"{value:.{digits}f}"


METRICS = {"ttft50": (TTFT, 50), "ttft95": (TTFT, 95), "tpot50": (TPOT, 50), "tpot95": (TPOT, 95), "stall95": (STALL, 95), "e2e95": (E2E, 95)}
# Those of whole cells, as `plumb bench` gave them: there is one number a block.
FIELDS = {"throughput": "output_tokens_per_s", "itl50": "itl_p50_ms", "itl95": "itl_p95_ms", "itl99": "itl_p99_ms"}
NAMES = [*METRICS, *FIELDS]


def tables(options):
    measured = Measured(options.folder)
    ratios = {}
    for phase, cell in measured.cells:
        for name, (which, percentile) in METRICS.items():
            ratios[phase, cell, name] = measured.ratio(phase, cell, which, percentile)
        for name, field in FIELDS.items():
            ratios[phase, cell, name] = measured.ratio_of_field(phase, cell, field)
    # How far one baseline lies from the others of its block when nothing was changed.
    noise = collections.defaultdict(dict)
    phases = list(dict.fromkeys(phase for phase, _ in measured.cells))
    for phase, name in itertools.product(phases, NAMES):
        singles = []
        for block in {row["block"] for row in measured.rows}:
            for cell in BASELINES:
                if block in measured.cells.get((phase, cell), {}):
                    singles.append(single(measured, phase, cell, block, name))
        singles = [value for value in singles if value]
        noise[phase][name] = (min(singles), max(singles)) if singles else (1, 1)
    print("## Noise: one baseline against the others of its block, least to most\n\n| response | " + " | ".join(phases) + " |\n| --- |" + " --- |" * len(phases))
    for name in NAMES:
        print(f"| {name} | " + " | ".join(f"{noise[phase][name][0]:.2f}–{noise[phase][name][1]:.2f}" for phase in phases) + " |")

    def outside(phase, cell, name):
        ratio = ratios[phase, cell, name]
        if ratio is None:
            return False
        base, low, high = ratio
        return (low > 1 or high < 1) and not noise[phase][name][0] <= base <= noise[phase][name][1]

    worse = {}
    for phase, cell in measured.cells:
        # What was launched otherwise in the first measurement has no baseline beside it.
        if phase == "restart" or cell in NO_FAULT:
            continue
        hits = [name for name in NAMES if name != "throughput" and outside(phase, cell, name) and ratios[phase, cell, name][0] > 1]
        if outside(phase, cell, "throughput") and ratios[phase, cell, "throughput"][0] < 1:
            hits.append("throughput")
        worse[phase, cell] = hits
    factors = collections.defaultdict(list)
    for phase, cell in measured.cells:
        factors[phase, next(iter(measured.cells[phase, cell].values()))["factor"]].append(cell)
    for (phase, factor), names in factors.items():
        print(f"\n## {phase}: {factor}\n")
        print("| cell | n | throughput | TTFT p50 | TTFT p95 | ITL p50 | ITL p99 | longest gap p95 | CPUs used | worst delay % | throttled % | GPU busy % | CPU ms/token | switches/token | beyond noise |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for cell in names:
            row = [cell, len(measured.cells[phase, cell])]
            row += [shown(ratios[phase, cell, name]) for name in ("throughput", "ttft50", "ttft95", "itl50", "itl99", "stall95")]
            used = [measured.number(phase, cell, block, "server_cpu_s") / measured.number(phase, cell, block, "window_s") for block in measured.cells[phase, cell]]
            row += [plain(sum(used) / len(used), 2)]
            for field, digits in [("worst_delay_percent", 2), ("throttled_periods_percent", 1), ("gpu_busy_percent", 0), ("cpu_ms_per_token", 3), ("switches_per_token", 2)]:
                row.append(plain(measured.mean(phase, cell, field), digits))
            row.append(", ".join(worse.get((phase, cell), [])) or "no")
            print("| " + " | ".join(map(str, row)) + " |")
    print("\n## Absolute\n\n| cell | tokens/s | TTFT p50 ms | TTFT p95 ms | TTFT p99 ms | ITL p50 ms | ITL p95 ms | ITL p99 ms | failed |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for phase, cell in measured.cells:
        fields = ["output_tokens_per_s", "ttft_p50_ms", "ttft_p95_ms", "ttft_p99_ms", "itl_p50_ms", "itl_p95_ms", "itl_p99_ms", "failed"]
        print(f"| {phase} {cell} | " + " | ".join(plain(measured.mean(phase, cell, field), 2) for field in fields) + " |")
    predictions(options.folder, measured, ratios)
    confusion(options.folder, measured, worse)



def single(measured, phase, cell, block, name):
    others = [other for other in BASELINES if other != cell and block in measured.cells.get((phase, other), {})]
    if not others:
        return None
    if name in FIELDS:
        read = lambda cell: measured.number(phase, cell, block, FIELDS[name])
    else:
        which, percentile = METRICS[name]
        read = lambda cell: measured.sample(phase, cell, block, which, percentile)
    own, rest = read(cell), [read(other) for other in others]
    if not own or not all(rest):
        return None
    return own / math.exp(sum(map(math.log, rest)) / len(rest))


def read_verdicts(folder):
    path = folder / "verdicts.csv"
    return list(csv.DictReader(open(path))) if path.exists() else []


def fires(outcome):
    return outcome in ("warn", "fail")


def predictions(folder, measured, ratios):
    path = folder / "predictions.csv"
    if not path.exists():
        return
    seen = collections.defaultdict(list)
    for verdict in read_verdicts(folder):
        seen[verdict["phase"], verdict["cell"], verdict["check"]].append(fires(verdict["outcome"]))
    inside = collections.Counter()
    of = collections.Counter()
    right = collections.Counter()
    print("\n## Predicted and measured\n\n| cell | throughput | | ITL p50 | | TTFT p95 | | checks predicted wrongly |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in csv.DictReader(open(path)):
        phase = row.get("phase", "main")
        cells = [row["cell"] if phase == "main" else f"{phase} {row['cell']}"]
        for metric, name in [("throughput", "throughput"), ("itl_p50", "itl50"), ("ttft_p95", "ttft95")]:
            low, base, high = (float(row[f"{metric}_ratio{end}"]) for end in ("_low", "", "_high"))
            ratio = ratios.get((phase, row["cell"], name))
            cells.append(f"{base:.2f} ({low:.2f}–{high:.2f})")
            if ratio:
                of[metric] += 1
                hit = low <= ratio[0] <= high
                inside[metric] += hit
                cells.append(f"{ratio[0]:.2f}{'' if hit else ' outside'}")
            else:
                cells.append("—")
        wrong = []
        for check in CHECKS:
            column = row[check.split(".", 1)[1].replace("-", "_")]
            said = seen.get((phase, row["cell"], check))
            if said and column:
                share = sum(said) / len(said)
                is_right = (share > 0.5) == (column == "yes")
                of[check] += 1
                right[check] += is_right
                if not is_right:
                    wrong.append(f"{check} ({column} expected, {sum(said)} of {len(said)})")
        cells.append("; ".join(wrong) or "none")
        print("| " + " | ".join(cells) + " |")
    print()
    for metric in ("throughput", "itl_p50", "ttft_p95"):
        print(f"- {metric}: {inside[metric]} of {of[metric]} within the range")
    for check in CHECKS:
        print(f"- {check}: {right[check]} of {of[check]} right")


# The factors in which the mechanism of a check was planted; `None` for all.
PLANTED = {
    "sched.cfs-throttling": {"quota"},
    "sched.run-delay": {"quota", "cpus", "hogs", "free-hogs", "pinning", "streams", "placement", "launch"},
    "sched.noisy-neighbours": {"hogs", "free-hogs", "pinning", "placement"},
    "cpu.cores-per-gpu": {"quota", "cpus", "streams", "placement", "launch"},
    "affinity.omp-threads": {"quota", "cpus", "streams", "placement", "launch"},
    "slo.gpu-starvation": {"quota", "cpus", "hogs", "free-hogs", "pinning", "streams", "placement", "launch"},
}


def rate(hits, of):
    return f"{hits}/{of}, {100 * hits / of:.0f} % ({100 * wilson(hits, of)[0]:.0f}–{100 * wilson(hits, of)[1]:.0f})" if of else "—"


def confusion(folder, measured, worse):
    rows = [row for row in read_verdicts(folder) if (row["phase"], row["cell"]) in worse]
    factor = {key: next(iter(blocks.values()))["factor"] for key, blocks in measured.cells.items()}
    key = lambda row: (row["phase"], row["cell"])
    print("\n## Verdicts over collections\n")
    print("| check | fires where latency is worse and its mechanism was planted | silent where latency is no worse | fires where planted, no worse | of the silent: pass | not-run |")
    print("| --- | --- | --- | --- | --- | --- |")
    for check in CHECKS:
        own = [row for row in rows if row["check"] == check]
        planted = [row for row in own if factor[key(row)] in PLANTED[check]]
        bad = [row for row in planted if worse[key(row)]]
        fine = [row for row in own if not worse[key(row)]]
        harmless = [row for row in planted if not worse[key(row)]]
        fired = lambda rows: sum(fires(row["outcome"]) for row in rows)
        silent = collections.Counter(row["outcome"] for row in own if not fires(row["outcome"]))
        print(f"| `{check}` | {rate(fired(bad), len(bad))} | {rate(len(fine) - fired(fine), len(fine))} | {fired(harmless)}/{len(harmless)} | {silent['pass']} | {silent['not-run']} |")
    print("\n## Verdicts per cell\n\n| cell | worse | " + " | ".join(CHECKS) + " |\n| --- | --- |" + " --- |" * len(CHECKS))
    for phase, cell in dict.fromkeys(map(key, read_verdicts(folder))):
        texts = []
        for check in CHECKS:
            said = [row["outcome"] for row in read_verdicts(folder) if key(row) == (phase, cell) and row["check"] == check]
            texts.append(", ".join(f"{count} {outcome}" for outcome, count in collections.Counter(said).items()))
        print(f"| {cell if phase == 'main' else f'{phase} {cell}'} | {', '.join(worse.get((phase, cell), [])) or 'no'} | " + " | ".join(texts) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("verdicts")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("--plumb", default="plumb")
    command.set_defaults(run=lambda options: (verdicts(options), windows(options)))
    command = commands.add_parser("tables")
    command.add_argument("folder", type=pathlib.Path)
    command.set_defaults(run=tables)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
