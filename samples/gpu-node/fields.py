#!/usr/bin/env python3
"""Compares what a bundle says of GPUs, CPUs and NUMA nodes with what nvidia-smi, lscpu and /sys said of the same node.

    plumb bundle show --as evidence OUT/node.plumb > OUT/evidence.json
    fields.py OUT

prints a table in Markdown, one row a field, and ends with 1 where a field that does not move differs. Fields that move with
load (clocks, power, temperature, memory, utilisation) are marked; they were not read at the same moment.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

out = pathlib.Path(sys.argv[1])
evidence = json.loads((out / "evidence.json").read_text())
tools = out / "tools"
tree = xml.parse(tools / "nvidiasmi-under-load.xml").getroot()
rows, differ = [], 0


def number(text):
    found = re.search(r"-?[\d.]+", text or "")
    return float(found.group()) if found else None


def row(name, ours, theirs, moves=False):
    global differ
    if isinstance(ours, dict) and "missing" in ours:
        ours = f"{ours['missing']}: {ours['reason']}"
        same = theirs in (None, "N/A", "Not Supported", "[N/A]", "None", "Disabled", "")
    else:
        same = ours == theirs
    if not same and not moves:
        differ += 1
    verdict = "same" if same else ("moves" if moves else "DIFFERS")
    rows.append(f"| {name} | {ours} | {theirs} | {verdict} |")


def text(gpu, path):
    found = gpu.find(path)
    return None if found is None or found.text is None else found.text.strip()


def yes(word):
    return {"Enabled": True, "Disabled": False, "Yes": True, "No": False}.get(word, word)


def short(address):
    # nvidia-smi writes eight digits of domain, the kernel four.
    return address.lower().removeprefix("0000") if len(address) > 12 else address.lower()


nvml = evidence["nvml"]
row("driver", nvml["driver_version"], text(tree, "driver_version"))
row("CUDA of the driver", nvml["cuda_version"], text(tree, "cuda_version"))
gpus = tree.findall("gpu")
row("GPUs", len(nvml["devices"]), len(gpus))
for device, gpu in zip(nvml["devices"], gpus):
    of = f"GPU {device['index']} "
    read = lambda path: text(gpu, path)
    row(of + "address", device["address"], short(gpu.get("id")))
    row(of + "name", device["name"], read("product_name"))
    row(of + "architecture", device["architecture"], read("product_architecture"))
    row(of + "UUID", device["uuid"], read("uuid"))
    row(of + "VBIOS", device["vbios"], read("vbios_version"))
    row(of + "persistence", device["persistence"], yes(read("persistence_mode")))
    row(of + "MIG", device["mig"], yes(read("mig_mode/current_mig")))
    row(of + "MIG pending", device["mig_pending"], yes(read("mig_mode/pending_mig")))
    row(of + "compute mode", device["compute_mode"], (read("compute_mode") or "").lower())
    row(of + "PCIe generation", device["pcie_gen_current"], number(read("pci/pci_gpu_link_info/pcie_gen/current_link_gen")), True)
    row(of + "PCIe generation, most", device["pcie_gen_max"], number(read("pci/pci_gpu_link_info/pcie_gen/max_link_gen")))
    row(of + "PCIe lanes", device["pcie_width_current"], number(read("pci/pci_gpu_link_info/link_widths/current_link_width")))
    row(of + "PCIe lanes, most", device["pcie_width_max"], number(read("pci/pci_gpu_link_info/link_widths/max_link_width")))
    row(of + "PCIe replays", device["pcie_replays"], number(read("pci/replay_counter")))
    row(of + "P-state", device["pstate"], number((read("performance_state") or "").removeprefix("P")), True)
    memory = device["memory_total_bytes"]
    row(of + "memory in MiB", memory // 2**20 if isinstance(memory, int) else memory, number(read("fb_memory_usage/total")))
    used = device["memory_used_bytes"]
    row(of + "memory in use in MiB", used // 2**20 if isinstance(used, int) else used, number(read("fb_memory_usage/used")), True)
    row(of + "BAR1 in MiB", device["bar1_total_bytes"] // 2**20 if isinstance(device["bar1_total_bytes"], int) else device["bar1_total_bytes"], number(read("bar1_memory_usage/total")))
    row(of + "utilisation in %", device["utilization_percent"], number(read("utilization/gpu_util")), True)
    row(of + "ECC", device["ecc_enabled"], yes(read("ecc_mode/current_ecc")))
    row(of + "ECC pending", device["ecc_pending"], yes(read("ecc_mode/pending_ecc")))
    row(of + "temperature in °C", device["temperature_celsius"], number(read("temperature/gpu_temp")), True)
    row(of + "temperature of memory in °C", device["memory_temperature_celsius"], number(read("temperature/memory_temp")), True)
    row(of + "power in W", device["power_watts"], number(read("gpu_power_readings/instant_power_draw") or read("gpu_power_readings/power_draw")), True)
    row(of + "power limit in W", device["power_limit_watts"], number(read("gpu_power_readings/current_power_limit")))
    row(of + "power limit, default, in W", device["power_limit_default_watts"], number(read("gpu_power_readings/default_power_limit")))
    row(of + "power limit, least, in W", device["power_limit_min_watts"], number(read("gpu_power_readings/min_power_limit")))
    row(of + "power limit, most, in W", device["power_limit_max_watts"], number(read("gpu_power_readings/max_power_limit")))
    row(of + "SM clock in MHz", device["sm_mhz"], number(read("clocks/sm_clock")), True)
    row(of + "SM clock, most, in MHz", device["sm_max_mhz"], number(read("max_clocks/sm_clock")))
    row(of + "memory clock in MHz", device["memory_mhz"], number(read("clocks/mem_clock")), True)
    row(of + "memory clock, most, in MHz", device["memory_max_mhz"], number(read("max_clocks/mem_clock")))
    row(of + "rows remapped, correctable", device["remapped_rows"].get("correctable", device["remapped_rows"]), number(read("remapped_rows/remapped_row_corr")))
    row(of + "rows remapped, uncorrectable", device["remapped_rows"].get("uncorrectable", device["remapped_rows"]), number(read("remapped_rows/remapped_row_unc")))
    row(of + "rows remapped, pending", device["remapped_rows"].get("pending", device["remapped_rows"]), yes(read("remapped_rows/remapped_row_pending")))
    row(of + "rows remapped, failure", device["remapped_rows"].get("failure", device["remapped_rows"]), yes(read("remapped_rows/remapped_row_failure")))
    ours = sorted(process["pid"] for process in device["compute_processes"]) if isinstance(device["compute_processes"], list) else device["compute_processes"]
    theirs = sorted(int(text(process, "pid")) for process in gpu.findall("processes/process_info") if "C" in (text(process, "type") or ""))
    row(of + "processes", ours, theirs)
    links = device["nvlinks"]
    status = (tools / "nvidiasminvlinks.txt").read_text()
    section = re.split(r"^GPU \d+:.*$", status, flags=re.M)
    mine = section[device["index"] + 1] if len(section) > device["index"] + 1 else ""
    theirs = len(re.findall(r"Link \d+: [\d.]+ GB/s", mine))
    row(of + "NVLinks up", sum(1 for link in links if link["active"] is True) if isinstance(links, list) else links, theirs or None)

topology = (tools / "nvidiasmitopom.txt").read_text()
head, *lines = [re.split(r"\t+", line.replace("\x1b[4m", "").replace("\x1b[0m", "").strip("\n")) for line in topology.splitlines() if line.strip()] or [[]]
names = [name.strip() for name in head]
for line in lines:
    cells = [cell.strip() for cell in line]
    match = re.fullmatch(r"GPU(\d+)", cells[0])
    if not match:
        continue
    device = nvml["devices"][int(match.group(1))]
    shift = len(cells) - len(names) if len(cells) != len(names) else 0
    at = {name: cells[index] for index, name in enumerate(names) if index < len(cells)}
    row(f"{cells[0]} CPU affinity", device["cpu_affinity"], at.get("CPU Affinity"))
    row(f"{cells[0]} NUMA affinity", device["memory_affinity"], at.get("NUMA Affinity"))

said = json.loads((tools / "lscpu.txt").read_text())["lscpu"]
flat = {}


def flatten(entries):
    for entry in entries:
        flat[entry["field"].rstrip(":")] = entry["data"]
        flatten(entry.get("children", []))


flatten(said)
cpu, numa = evidence["cpu"], evidence["numa"]
row("CPUs online", str(cpu["online"]), flat.get("On-line CPU(s) list"))
row("vendor", cpu["vendor"], flat.get("Vendor ID"))
row("model", cpu["model"], flat.get("Model name"))
row("NUMA nodes", len(numa["nodes"]), number(flat.get("NUMA node(s)")))
for node in numa["nodes"]:
    row(f"NUMA node {node['id']} CPUs", str(node["cpus"]), flat.get(f"NUMA node{node['id']} CPU(s)"))
files = dict(line.split(": ", 1) for line in (tools / "files.txt").read_text().splitlines() if ": " in line)
for gpu in evidence["gpus"] if isinstance(evidence["gpus"], list) else []:
    path = f"/sys/bus/pci/devices/{gpu['address']}/numa_node"
    rows.append(f"| {gpu['address']} NUMA node, all sources | {json.dumps(gpu.get('numa'))} | sysfs {files.get(path, '').strip()} | kept |")

print("| field | bundle | nvidia-smi, lscpu or /sys | |\n| --- | --- | --- | --- |")
print("\n".join(rows))
print(f"\n{len(rows)} fields, {differ} differ.")
sys.exit(1 if differ else 0)
