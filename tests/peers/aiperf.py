"""Measures a server with AIPerf; prints one JSON object.

Usage: aiperf.py URL SECONDS (rate R | burst N). Its tokenizer is one that splits at blanks, made here, so that nothing is
fetched.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time


def tokenizer(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<eos>"] + [f"w{number}" for number in range(1000)]
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="<eos>").save_pretrained(folder)


def children(parents):
    """All descendants, from /proc."""
    family = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    family[int(name)] = int(stat.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found = set(parents)
    while more := {child for child, parent in family.items() if parent in found and child not in found}:
        found |= more
    return found - {os.getpid()}


def watch_memory(stop, most):
    """Memory that the processes share with nobody, in MB, once a second."""
    page = os.sysconf("SC_PAGE_SIZE")
    while not stop.wait(1.0):
        total = 0
        for child in children({os.getpid()}):
            try:
                with open(f"/proc/{child}/statm") as statm:
                    _, resident, shared = statm.read().split()[:3]
                total += (int(resident) - int(shared)) * page
            except OSError:
                pass
        most[0] = max(most[0], total / 1e6)


def main():
    url, seconds, kind, amount = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
    with tempfile.TemporaryDirectory() as folder:
        words = os.path.join(folder, "tokenizer")
        tokenizer(words)
        load = ["--request-rate", amount, "--arrival-pattern", "constant"] if kind == "rate" else ["--concurrency", amount]
        command = [
            os.path.join(sys.prefix, "bin", "aiperf"), "profile", "--model", "reference", "--url", url,
            "--endpoint-type", "completions", "--streaming", "--use-server-token-count", "--tokenizer", words,
            "--isl", "128", "--osl", "64", "--extra-inputs", "ignore_eos:true", "--num-dataset-entries", "100",
            "--benchmark-duration", seconds, "--warmup-request-count", "64", "--output-artifact-dir", folder,
            "--ui", "none", *load,
        ]
        stop, most, start = threading.Event(), [0.0], time.monotonic()
        watcher = threading.Thread(target=watch_memory, args=(stop, most))
        watcher.start()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        stop.set()
        watcher.join()
        wall = time.monotonic() - start
        path = os.path.join(folder, "profile_export_aiperf.json")
        if not os.path.exists(path):
            sys.exit(f"aiperf left no result (status {done.returncode}): {done.stdout[-2000:]}")
        with open(path) as file:
            result = json.load(file)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    requests = result["request_count"]["avg"]
    print(json.dumps({
        "requests": requests,
        "failed": (result.get("error_request_count") or {}).get("avg", 0),
        "requests_per_s": result["request_throughput"]["avg"],
        "ttft_mean_ms": result["time_to_first_token"]["avg"],
        "ttft_p95_ms": result["time_to_first_token"]["p95"],
        "per_token_ms": result["inter_token_latency"]["avg"],
        "cpu_s_per_request": (usage.ru_utime + usage.ru_stime) / max(1, requests),
        "rss_mb": most[0],
        "wall_s": wall,
    }))


main()
