"""Measures a server with the request function of vLLM's `bench serve`, paced and connected as that command does it.

Usage: vllm.py URL SECONDS (rate R | burst N); prints one JSON object. The function comes from the file `endpoint_request_func.py`
of vLLM's wheel, beside the Python environment: the whole of vLLM is not needed for it, and would take gigabytes.
"""

import asyncio
import importlib.util
import json
import os
import resource
import statistics
import sys
import time

import aiohttp

spec = importlib.util.spec_from_file_location("requests_of_vllm", os.path.join(sys.prefix, "endpoint_request_func.py"))
vllm = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = vllm
spec.loader.exec_module(vllm)

PROMPT = " ".join(["word"] * 128)


def request(url, number):
    return vllm.RequestFuncInput(
        prompt=PROMPT,
        api_url=f"{url}/v1/completions",
        prompt_len=128,
        output_len=64,
        model="reference",
        ignore_eos=True,
        request_id=f"peer-{number}",
    )


async def open_loop(url, session, rate, seconds):
    """A task per request, started by a sleep to its time, as `get_request` has it."""
    tasks, start = [], time.perf_counter()
    for number in range(int(rate * seconds)):
        wait = start + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(vllm.async_request_openai_completions(request(url, number), session)))
    return await asyncio.gather(*tasks)


async def closed_loop(url, session, streams, seconds):
    """All tasks at once behind a semaphore, as `--max-concurrency` has it; as many as fill the time."""
    semaphore = asyncio.Semaphore(streams)

    async def limited(number):
        async with semaphore:
            return await vllm.async_request_openai_completions(request(url, number), session)

    rounds = max(2, round(seconds / 0.65))
    return await asyncio.gather(*(limited(number) for number in range(streams * rounds)))


async def measure(url, seconds, kind, amount):
    limit = int(amount) if kind == "burst" else 0
    connector = aiohttp.TCPConnector(
        limit=limit, limit_per_host=limit, ttl_dns_cache=300, keepalive_timeout=60, force_close=False
    )
    timeout = aiohttp.ClientTimeout(total=6 * 60 * 60)
    async with aiohttp.ClientSession(connector=connector, trust_env=True, timeout=timeout) as session:
        run = open_loop if kind == "rate" else closed_loop
        # Connections are opened by requests that do not count; the server's log leaves them out by their names.
        warm = [vllm.async_request_openai_completions(request(url, f"warm-{n}"), session) for n in range(limit or 64)]
        await asyncio.gather(*warm)
        start, cpu = time.perf_counter(), time.process_time()
        replies = await run(url, session, int(amount) if kind == "burst" else float(amount), seconds)
        return replies, time.perf_counter() - start, time.process_time() - cpu


def quantile(values, share):
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (place - low)


def main():
    url, seconds, kind, amount = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4]
    replies, elapsed, cpu = asyncio.run(measure(url, seconds, kind, amount))
    good = [reply for reply in replies if reply.success]
    gaps = [gap for reply in good for gap in reply.itl]
    ttft = [reply.ttft * 1e3 for reply in good]
    print(json.dumps({
        "requests": len(good),
        "failed": len(replies) - len(good),
        "requests_per_s": len(good) / elapsed,
        "ttft_mean_ms": statistics.fmean(ttft),
        "ttft_p95_ms": quantile(ttft, 0.95),
        "per_token_ms": statistics.fmean(gaps) * 1e3,
        "cpu_s_per_request": cpu / max(1, len(replies)),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }))


main()
