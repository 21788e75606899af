#!/usr/bin/env python3
"""Paths between host and GPUs, raw: copies in both directions, launches from each CPU, copies between GPUs; with PyTorch's figures beside.

    paths.py OUT.json [--rounds N] [--launches N] [--no-torch]

The first part asks the driver's library alone (libcuda.so.1 by ctypes; pinned memory, events, an empty kernel), the second PyTorch
for the same copies. Nothing is summed up: each repetition is kept, in GB/s (10^9 bytes) and in microseconds. Seconds, not minutes.
"""

import argparse
import ctypes as C
import json
import os
import platform
import subprocess
import time

MIB = 1 << 20
SIZES = [1 * MIB, 32 * MIB, 256 * MIB]
PTX = b".version 7.0\n.target sm_50\n.address_size 64\n.visible .entry nop() { ret; }\n"


class Driver:
    def __init__(self):
        self.cuda = C.CDLL("libcuda.so.1")
        self("cuInit", 0)

    def __call__(self, name, *arguments):
        code = getattr(self.cuda, name)(*arguments)
        if code:
            raise OSError(f"{name} answered {code}")

    def new(self, kind, name, *arguments):
        value = kind()
        self(name, C.byref(value), *arguments)
        return value


def rates(driver, copy, size, rounds):
    """GB/s of each copy after two that are not counted, by the driver's events."""
    start, end = (driver.new(C.c_void_p, "cuEventCreate", 0) for _ in range(2))
    found = []
    for number in range(rounds + 2):
        driver("cuEventRecord", start, None)
        copy(size)
        driver("cuEventRecord", end, None)
        driver("cuEventSynchronize", end)
        took = C.c_float()
        driver("cuEventElapsedTime", C.byref(took), start, end)
        if number > 1:
            found.append(round(size / took.value / 1e6, 3))
    return found


def launches(driver, function, count):
    """Microseconds from the launch of an empty kernel until it is known to have ended, each."""
    found = []
    for number in range(count + 50):
        begin = time.perf_counter_ns()
        driver.cuda.cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, None, None, None)
        driver.cuda.cuCtxSynchronize()
        if number >= 50:
            found.append(round((time.perf_counter_ns() - begin) / 1e3, 2))
    return found


def by_driver(options):
    driver = Driver()
    cpus = sorted(os.sched_getaffinity(0))
    contexts, gpus = [], []
    for number in range(driver.new(C.c_int, "cuDeviceGetCount").value):
        begin = time.perf_counter()
        device = driver.new(C.c_int, "cuDeviceGet", number)
        context = driver.new(C.c_void_p, "cuDevicePrimaryCtxRetain", device)
        driver("cuCtxSetCurrent", context)
        took = time.perf_counter() - begin
        address = C.create_string_buffer(32)
        driver("cuDeviceGetPCIBusId", address, 32, device)
        host = driver.new(C.c_void_p, "cuMemHostAlloc", C.c_size_t(max(SIZES)), 0)
        memory = driver.new(C.c_uint64, "cuMemAlloc_v2", C.c_size_t(max(SIZES)))
        contexts.append((context, memory))
        to_gpu = lambda size: driver("cuMemcpyHtoDAsync_v2", memory, host, C.c_size_t(size), None)
        to_host = lambda size: driver("cuMemcpyDtoHAsync_v2", host, memory, C.c_size_t(size), None)
        gpu = {"gpu": number, "pci": address.value.decode(), "context_s": round(took, 3), "copies": []}
        gpus.append(gpu)
        for cpu in (cpus[0], cpus[len(cpus) // 2]):
            os.sched_setaffinity(0, {cpu})
            for direction, copy in (("host-to-gpu", to_gpu), ("gpu-to-host", to_host)):
                for size in SIZES:
                    gbps = rates(driver, copy, size, options.rounds)
                    gpu["copies"].append({"from_cpu": cpu, "direction": direction, "bytes": size, "gb_per_s": gbps})
        module = driver.new(C.c_void_p, "cuModuleLoadData", PTX)
        function = driver.new(C.c_void_p, "cuModuleGetFunction", module, b"nop")
        gpu["launch_us"] = []
        # Twice over all CPUs, so that what belongs to a CPU can be told from what belongs to a moment.
        for turn in (1, 2):
            for cpu in cpus:
                os.sched_setaffinity(0, {cpu})
                gpu["launch_us"].append({"cpu": cpu, "turn": turn, "us": launches(driver, function, options.launches)})
        os.sched_setaffinity(0, set(cpus))
    peers = []
    for source, (from_context, from_memory) in enumerate(contexts):
        for target, (to_context, to_memory) in enumerate(contexts):
            if source == target:
                continue
            can = C.c_int()
            driver("cuDeviceCanAccessPeer", C.byref(can), source, target)
            driver("cuCtxSetCurrent", from_context)
            enabled = can.value and driver.cuda.cuCtxEnablePeerAccess(to_context, 0)
            copy = lambda size: driver("cuMemcpyPeerAsync", to_memory, to_context, from_memory, from_context, C.c_size_t(size), None)
            for size in SIZES:
                gbps = rates(driver, copy, size, options.rounds)
                peers.append({"from": source, "to": target, "can_access": bool(can.value), "enable_code": enabled, "bytes": size, "gb_per_s": gbps})
    return {"gpus": gpus, "peers": peers}


def by_torch(options):
    import torch

    def timed(copy, size, device):
        found = []
        with torch.cuda.device(device):
            for number in range(options.rounds + 2):
                start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                start.record()
                copy()
                end.record()
                end.synchronize()
                if number > 1:
                    found.append(round(size / start.elapsed_time(end) / 1e6, 3))
        return found

    found = {"version": torch.__version__, "copies": [], "peers": []}
    count = torch.cuda.device_count()
    for size in SIZES:
        for device in range(count):
            host = torch.empty(size, dtype=torch.uint8, pin_memory=True)
            memory = torch.empty(size, dtype=torch.uint8, device=f"cuda:{device}")
            to_gpu = timed(lambda: memory.copy_(host, non_blocking=True), size, device)
            to_host = timed(lambda: host.copy_(memory, non_blocking=True), size, device)
            for direction, gbps in (("host-to-gpu", to_gpu), ("gpu-to-host", to_host)):
                found["copies"].append({"gpu": device, "direction": direction, "bytes": size, "gb_per_s": gbps})
            for other in range(count):
                if other != device:
                    far = torch.empty(size, dtype=torch.uint8, device=f"cuda:{other}")
                    gbps = timed(lambda: far.copy_(memory, non_blocking=True), size, device)
                    found["peers"].append({"from": device, "to": other, "bytes": size, "gb_per_s": gbps})
    return found


def answer(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--launches", type=int, default=200)
    parser.add_argument("--no-torch", action="store_true")
    options = parser.parse_args()
    told = {"schema": 1, "kernel": platform.release(), "cpus": sorted(os.sched_getaffinity(0)), "sizes": SIZES}
    told["answers"] = {"topo": answer("nvidia-smi", "topo", "-m"), "gpus": answer("nvidia-smi", "-L").split("(UUID")[0], "cpus": answer("lscpu")}
    told["nodes"] = answer("sh", "-c", "grep . /sys/devices/system/node/node*/cpulist /sys/bus/pci/devices/*/numa_node")
    for name, measure in (("driver", by_driver), ("torch", by_torch)):
        if name == "torch" and options.no_torch:
            continue
        begin = time.perf_counter()
        try:
            told[name] = measure(options)
            told[name]["seconds"] = round(time.perf_counter() - begin, 2)
        except Exception as error:  # what one part cannot do must not cost the other
            told[name] = {"error": f"{type(error).__name__}: {error}"}
        with open(options.out, "w") as file:
            json.dump(told, file, separators=(",", ":"))
    print(name, "done", {key: value.get("seconds", value.get("error")) for key, value in told.items() if key in ("driver", "torch")})


if __name__ == "__main__":
    main()
