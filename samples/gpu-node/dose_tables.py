#!/usr/bin/env python3
"""Tables of a dose–response measurement, in Markdown.

    dose_tables.py verdicts FOLDER [--plumb PROGRAM]    run `plumb check` on the bundles under FOLDER, write FOLDER/verdicts.csv
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
import json
import math
import pathlib
import random
import subprocess

CHECKS = [
    "sched.cfs-throttling", "sched.run-delay", "sched.noisy-neighbours", "cpu.cores-per-gpu", "affinity.omp-threads", "slo.gpu-starvation",
]  # fmt: skip
BASELINES = ["baseline", "baseline-again", "baseline-once-more"]
AGAINST = {"streams-64-cpus-4": ["streams-64"], "streams-64-cpus-2": ["streams-64"], "streams-4-cpus-2": ["streams-4"]}
# Times of a request in the columns of requests.csv.
TTFT, ITL, STALL, E2E = range(4)
ROUNDS = 2000
STOCK = 400


def verdicts(options):
    rows = []
    for path in sorted(options.folder.glob("**/*.plumb")):
        phase, block, cell = path.stem.split("-", 2)
        done = subprocess.run([options.plumb, "check", "-q", str(path), "--format", "json"], capture_output=True, text=True)
        found = collections.defaultdict(list)
        for finding in json.loads(done.stdout)["findings"]:
            if finding["check"] in CHECKS:
                found[finding["check"]].append(finding)
        for check in CHECKS:
            worst = sorted(found[check], key=lambda finding: ["fail", "warn", "contradictory", "not-run", "info", "pass", "not-applicable"].index(finding["outcome"]))
            outcomes = " ".join(sorted({finding["outcome"] for finding in found[check]}))
            said = worst[0].get("problem") or worst[0].get("answer") or "" if worst else ""
            rows.append([phase, block, cell, check, worst[0]["outcome"] if worst else "", outcomes, said])
    with open(options.folder / "verdicts.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["phase", "block", "cell", "check", "outcome", "all_outcomes", "sentence"])
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


METRICS = {"ttft50": (TTFT, 50), "ttft95": (TTFT, 95), "itl50": (ITL, 50), "itl95": (ITL, 95), "stall95": (STALL, 95), "e2e95": (E2E, 95)}


def tables(options):
    measured = Measured(options.folder)
    ratios = {}
    for phase, cell in measured.cells:
        for name, (which, percentile) in METRICS.items():
            ratios[phase, cell, name] = measured.ratio(phase, cell, which, percentile)
        ratios[phase, cell, "throughput"] = measured.ratio_of_field(phase, cell, "output_tokens_per_s")
    # How far one baseline lies from the others of its block when nothing was changed.
    noise = {}
    for name in [*METRICS, "throughput"]:
        singles = []
        for block in {row["block"] for row in measured.rows}:
            for cell in BASELINES:
                if block in measured.cells.get(("main", cell), {}):
                    singles.append(single(measured, cell, block, name))
        singles = [value for value in singles if value]
        noise[name] = (min(singles), max(singles)) if singles else (1, 1)
    print("## Noise\n\n| response | one baseline against the others of its block, least to most |\n| --- | --- |")
    for name, (low, high) in noise.items():
        print(f"| {name} | {low:.2f}–{high:.2f} |")

    def outside(phase, cell, name):
        ratio = ratios[phase, cell, name]
        if ratio is None:
            return False
        base, low, high = ratio
        return (low > 1 or high < 1) and not noise[name][0] <= base <= noise[name][1]

    worse = {}
    for phase, cell in measured.cells:
        hits = [name for name in METRICS if outside(phase, cell, name) and ratios[phase, cell, name][0] > 1]
        if outside(phase, cell, "throughput") and ratios[phase, cell, "throughput"][0] < 1:
            hits.append("throughput")
        worse[phase, cell] = hits
    factors = collections.defaultdict(list)
    for phase, cell in measured.cells:
        factors[phase, next(iter(measured.cells[phase, cell].values()))["factor"]].append(cell)
    for (phase, factor), names in factors.items():
        print(f"\n## {phase}: {factor}\n")
        print("| cell | n | throughput | TTFT p50 | TTFT p95 | ITL p50 | ITL p95 | longest gap p95 | CPUs used | worst delay % | throttled % | GPU busy % | CPU ms/token | switches/token | beyond noise |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for cell in names:
            row = [cell, len(measured.cells[phase, cell])]
            row += [shown(ratios[phase, cell, name]) for name in ("throughput", "ttft50", "ttft95", "itl50", "itl95", "stall95")]
            used = [measured.number(phase, cell, block, "server_cpu_s") / measured.number(phase, cell, block, "window_s") for block in measured.cells[phase, cell]]
            row += [plain(sum(used) / len(used), 2)]
            for field, digits in [("worst_delay_percent", 2), ("throttled_periods_percent", 1), ("gpu_busy_percent", 0), ("cpu_ms_per_token", 3), ("switches_per_token", 2)]:
                row.append(plain(measured.mean(phase, cell, field), digits))
            row.append(", ".join(worse[phase, cell]) or "no")
            print("| " + " | ".join(map(str, row)) + " |")
    print("\n## Absolute\n\n| cell | tokens/s | TTFT p50 ms | TTFT p95 ms | TTFT p99 ms | ITL p50 ms | ITL p95 ms | ITL p99 ms | failed |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for phase, cell in measured.cells:
        fields = ["output_tokens_per_s", "ttft_p50_ms", "ttft_p95_ms", "ttft_p99_ms", "itl_p50_ms", "itl_p95_ms", "itl_p99_ms", "failed"]
        print(f"| {phase} {cell} | " + " | ".join(plain(measured.mean(phase, cell, field), 2) for field in fields) + " |")
    predictions(options.folder, measured, ratios)
    confusion(options.folder, measured, worse)



def single(measured, cell, block, name):
    others = [other for other in BASELINES if other != cell and block in measured.cells.get(("main", other), {})]
    if not others:
        return None
    if name == "throughput":
        read = lambda cell: measured.number("main", cell, block, "output_tokens_per_s")
    else:
        which, percentile = METRICS[name]
        read = lambda cell: measured.sample("main", cell, block, which, percentile)
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
        seen[verdict["cell"], verdict["check"]].append(fires(verdict["outcome"]))
    inside = collections.Counter()
    of = collections.Counter()
    right = collections.Counter()
    print("\n## Predicted and measured\n\n| cell | throughput | | ITL p50 | | TTFT p95 | | checks predicted wrongly |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in csv.DictReader(open(path)):
        cells = [row["cell"]]
        for metric, name in [("throughput", "throughput"), ("itl_p50", "itl50"), ("ttft_p95", "ttft95")]:
            low, base, high = (float(row[f"{metric}_ratio{end}"]) for end in ("_low", "", "_high"))
            ratio = ratios.get(("main", row["cell"], name))
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
            said = seen.get((row["cell"], check))
            if said:
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


def confusion(folder, measured, worse):
    rows = [row for row in read_verdicts(folder) if row["phase"] == "main"]
    print("\n## Verdicts over cells\n\n| check | fires, latency worse | silent, worse | fires, not worse | silent, not worse | sensitivity | specificity | of the silent: pass | not-run | other |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for check in CHECKS:
        table = collections.Counter()
        silent = collections.Counter()
        for row in rows:
            if row["check"] != check:
                continue
            table[fires(row["outcome"]), bool(worse.get(("main", row["cell"])))] += 1
            if not fires(row["outcome"]):
                silent[row["outcome"]] += 1
        a, b, c, d = table[True, True], table[False, True], table[True, False], table[False, False]
        rate = lambda hits, of: f"{100 * hits / of:.0f} % ({100 * wilson(hits, of)[0]:.0f}–{100 * wilson(hits, of)[1]:.0f})" if of else "—"
        rest = sum(silent.values()) - silent["pass"] - silent["not-run"]
        print(f"| `{check}` | {a} | {b} | {c} | {d} | {rate(a, a + b)} | {rate(d, c + d)} | {silent['pass']} | {silent['not-run']} | {rest} |")
    print("\n## Verdicts per cell (fires/collections)\n\n| cell | worse | " + " | ".join(CHECKS) + " |\n| --- | --- |" + " --- |" * len(CHECKS))
    names = dict.fromkeys(row["cell"] for row in rows)
    for cell in sorted(names):
        texts = []
        for check in CHECKS:
            said = [row["outcome"] for row in rows if row["cell"] == cell and row["check"] == check]
            texts.append(" ".join(f"{count}×{outcome}" for outcome, count in collections.Counter(said).items()))
        print(f"| {cell} | {', '.join(worse.get(('main', cell), [])) or 'no'} | " + " | ".join(texts) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("verdicts")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("--plumb", default="plumb")
    command.set_defaults(run=verdicts)
    command = commands.add_parser("tables")
    command.add_argument("folder", type=pathlib.Path)
    command.set_defaults(run=tables)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
