#!/usr/bin/env bash
# Measures a GPU node with Plumb, and keeps beside it what the usual tools say of the same node.
#
#   run.sh facts OUT        collect under load, audit's evidence, bench, sweep and noise; answers of nvidia-smi, lscpu and /sys
#   run.sh topology OUT     one server a GPU, each on its own share of the CPUs: collect, and the answers of the same tools
#   run.sh answers OUT      the answers of these tools alone
#   run.sh experiment OUT   unpinned, pinned and pinned beside CPU hogs, interleaved (experiment.toml)
#
# PLUMB names the program (default: plumb beside its packs in target/release); ENGINE=sleep tries all of it without a GPU, QUICK=1 makes
# it short.
# Opens no connection but to the server that it starts on this machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
phase=${1:?usage: run.sh facts|topology|experiment OUT}
out=${2:?usage: run.sh facts|topology|experiment OUT}
plumb=${PLUMB:-$here/../../target/release/plumb}
engine=${ENGINE:-llama}
port=${PORT:-8000}
url=http://127.0.0.1:$port
if [ -n "${QUICK:-}" ]; then requests=20 window=2 sweep=3; else requests=60 window=10 sweep=20; fi
mkdir -p "$out"

step() { echo "=== $SECONDS s: $*" >&2; }

# One measurement that is invalid must not cost the others.
try() {
  "$@" || echo "exit $? of: $*" | tee -a "$out/problems.txt" >&2
}

servers=
trap 'kill $servers 2>/dev/null || true' EXIT

# start_server PORT GPU CPUS
start_server() {
  local port=$1
  CUDA_VISIBLE_DEVICES=$2 taskset -c "$3" python3 "$here/server.py" --port "$port" --engine "$engine" >"$out/server-$port.log" 2>&1 &
  local server=$!
  servers="$servers $server"
  for _ in $(seq 600); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    kill -0 $server 2>/dev/null || { cat "$out/server-$port.log" >&2; exit 1; }
    sleep 0.2
  done
  echo "the server did not come up in 120 s" >&2
  exit 1
}

answers() {
  step answers of other tools
  mkdir -p "$out/tools"
  for command in "nvidia-smi -q -x" "nvidia-smi topo -m" "nvidia-smi nvlink -s" "lscpu -J" "lscpu -e" "uname -a"; do
    file=$out/tools/$(echo "$command" | tr -cd 'a-z0-9').txt
    $command >"$file" 2>&1 || echo "(exit $?)" >>"$file"
  done
  for file in /sys/class/drm/card*/device/numa_node /sys/bus/pci/devices/*/{class,vendor,numa_node,local_cpulist,current_link_speed,current_link_width,max_link_speed,max_link_width} \
    /sys/devices/system/node/node*/{cpulist,distance} /sys/devices/system/clocksource/clocksource0/current_clocksource \
    /proc/sys/kernel/numa_balancing /sys/kernel/mm/transparent_hugepage/enabled /proc/driver/nvidia/version; do
    [ -r "$file" ] && echo "$file: $(tr '\n' ' ' <"$file")"
  done >"$out/tools/files.txt" || true
}

facts() {
  answers
  step server
  start_server "$port" 0 "$(cpus 0 1)"
  step collect under load
  "$plumb" -q bench "$url" --duration $((window + 15)) --concurrency 8 --output-tokens 32 --format json >"$out/load.json" &
  load=$!
  sleep 3
  "$plumb" collect --sample $window -o "$out/node.plumb" 2>"$out/collect.log"
  nvidia-smi dmon -c 2 >"$out/tools/dmon.txt" 2>&1 || true
  nvidia-smi -q -x >"$out/tools/nvidiasmi-under-load.xml" 2>&1 || true
  wait $load || true
  step closed loop
  try "$plumb" -q bench "$url" --n-requests 50 --concurrency 4 --output-tokens 32 --into "$out/node.plumb" --format json >"$out/closed.json"
  step open loop
  try "$plumb" -q bench "$url" --n-requests $requests --rate 1.5 --output-tokens 32 --slo ttft=500ms,tpot=60ms --into "$out/node.plumb" >"$out/open.txt"
  step sweep
  # A stop leaves what was found until then.
  try timeout -s INT 240 "$plumb" bench "$url" --sweep --slo ttft=300ms,tpot=60ms --rate 4 --tolerance 0.1 --duration $sweep --output-tokens 16 \
    --into "$out/node.plumb" >"$out/sweep.txt" 2>"$out/sweep.log"
  step noise
  try "$plumb" noise --seconds 5 --into "$out/node.plumb" >"$out/noise.txt" 2>"$out/noise.log"
  step check
  "$plumb" check "$out/node.plumb" >"$out/check.txt" 2>&1 || true
}

# cpus SHARE OF: that share of the CPUs that this script may use.
cpus() {
  python3 -c 'import os,sys; share,of=map(int,sys.argv[1:]); c=sorted(os.sched_getaffinity(0)); n=len(c)//of or 1; print(",".join(map(str,c[share*n:(share+1)*n] or c)))' "$1" "$2"
}

topology() {
  answers
  local gpus loads=
  gpus=$(nvidia-smi -L 2>/dev/null | grep -c ^GPU || true)
  [ "$gpus" -gt 0 ] || gpus=2
  step "$gpus servers"
  for gpu in $(seq 0 $((gpus - 1))); do start_server $((port + gpu)) "$gpu" "$(cpus "$gpu" "$gpus")"; done
  for gpu in $(seq 0 $((gpus - 1))); do
    "$plumb" -q bench "http://127.0.0.1:$((port + gpu))" --duration $((window + 8)) --concurrency 4 --output-tokens 32 --format json >"$out/load-$gpu.json" &
    loads="$loads $!"
  done
  sleep 3
  step collect under load
  "$plumb" collect --sample $window -o "$out/node.plumb" 2>"$out/collect.log"
  nvidia-smi -q -x >"$out/tools/nvidiasmi-under-load.xml" 2>&1 || true
  wait $loads || true
  "$plumb" check "$out/node.plumb" >"$out/check.txt" 2>&1 || true
}

experiment() {
  "$plumb" experiment "$here/experiment.toml" --format json ${INTO:+--into "$INTO"} >"$out/experiment.json"
}

case $phase in
  facts) facts ;;
  topology) topology ;;
  experiment) experiment ;;
  answers) answers ;;
  *) echo "unknown phase \`$phase\`; give facts, topology, experiment or answers" >&2; exit 2 ;;
esac
step done
