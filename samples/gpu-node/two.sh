#!/usr/bin/env bash
# The phases of `dose.py` for a node with two GPUs, in the order in which they fit one measurement:
#
#   two.sh probe OUT             what the node is, and its paths between host and GPUs (paths.py), before anything runs
#   two.sh start OUT             a 1b model with graphs and one eager on GPU 0, an 8b model on GPU 1, each on its half of the CPUs
#   two.sh lanes OUT SECONDS     cells near the thresholds on GPU 0, the larger model on GPU 1, both at once
#   two.sh sample OUT SECONDS    a bundle under load, load tests and an experiment on GPU 0; the other lane goes on
#   two.sh pair OUT SECONDS      two servers at once, placed and misplaced
#   two.sh split-start OUT       both end, and one server starts on both GPUs
#   two.sh split OUT SECONDS     one server on both GPUs, placed and misplaced
#   two.sh pack OUT              data, logs and the bundles that were not handed over yet, in few files of at most 15 MB
#
# WORK holds what must outlive a call, PLUMB the program, LOADER another build of it for the load; MOCK=1 tries all of it without a GPU. For a node that serves nobody.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
phase=${1:?usage: two.sh PHASE OUT [SECONDS]}
out=${2:?usage: two.sh PHASE OUT [SECONDS]}
seconds=${3:-300}
work=${WORK:-/tmp/two}
plumb=${PLUMB:-$work/un/plumb/plumb}
loader=${LOADER:-$plumb}
servers=$work/servers
mkdir -p "$out" "$work/bundles" "$servers"
export PYTHONPATH=$work/un/site PLUMB_STATE=$work/plumb-state PYTHONUNBUFFERED=1
# Programs that use NVLink multicast can put a host's GPUs out of service.
export NCCL_NVLS_ENABLE=0 TORCH_SYMM_MEM_DISABLE_MULTICAST=1 NVSHMEM_DISABLE_NVLS=1 VLLM_ALLREDUCE_USE_SYMM_MEM=0

# cpus WHAT: those of a lane (a half less its two spare ones), of its server, of its client, of all.
cpus() {
  python3 - "$1" <<'PY'
import os, sys
every = sorted(os.sched_getaffinity(0))
middle = len(every) // 2
left, right = every[:middle] or every, every[middle:]
parts = {
    "left": left[:-2] or left, "right": right[:-2] or right, "left-server": left[:-4] or left, "left-four": left[:4],
    "left-client": left[-3:-2] or left, "right-client": right[-3:-2] or right, "left-collector": left[-4:-3] or left, "all": every,
}
print(",".join(map(str, parts[sys.argv[1]])))
PY
}

said() { echo "=== $SECONDS s: $*"; }

pid_of() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["pid"])' "$servers/$1.json"; }

serve() { # NAME PORT GPUS CPUS MODEL SERVED [-- options]
  local name=$1 port=$2 gpus=$3 mask=$4 model=$5 served=$6
  shift 6
  taskset -c "$mask" python3 "$here/dose.py" serve --state "$servers" --name "$name" --port "$port" --model "$model" --served "$served" \
    --env "CUDA_VISIBLE_DEVICES=$gpus" ${MOCK:+--mock} "$@"
}

stop() {
  for name in "$@"; do
    local pid
    pid=$(pid_of "$name" 2>/dev/null) || continue
    kill -TERM -- "-$pid" 2>/dev/null
    for _ in $(seq 30); do kill -0 -- "-$pid" 2>/dev/null || break; sleep 0.2; done
    kill -KILL -- "-$pid" 2>/dev/null
    rm -f "$servers/$name.json"
  done
}

await() { python3 "$here/dose.py" ready --state "$servers" --name "$1" --seconds "${2:-280}"; }

lane() { # left|right SECONDS
  local phase=near server=graphs gpu=0
  [ "$1" = right ] && phase=large server=large gpu=1
  taskset -c "$(cpus "$1")" python3 "$here/dose.py" run --phase "$phase" --server "$server" --servers "$servers" --state "$work/$1" \
    --out "$out/$1" --bundles "$work/bundles" --group "dose-$1" --gpu "$gpu" --blocks "${BLOCKS:-5}" --collect-blocks 4 --plumb "$plumb" --loader "$loader" \
    --seconds "$2" >>"$work/$1.log" 2>&1
  tail -n 60 "$work/$1.log"
}

both() { # PHASE SERVER SECONDS
  python3 "$here/dose.py" run --phase "$1" --server "$2" --servers "$servers" --state "$work/$1" --out "$out/$1" --bundles "$work/bundles" \
    --group "dose-$1" --gpu 0 --blocks 3 --plumb "$plumb" --loader "$loader" --seconds "$3" 2>&1 | tee -a "$work/$1.log"
}

load() { # PORT SECONDS CLIENT
  "$plumb" -q bench "http://127.0.0.1:$1" -d "$2" -c 16 --prompt-tokens 128 --output-tokens 64 --cpus "$3" --format json
}

case $phase in
  probe)
    {
      date -u; uname -r; nproc; lscpu; nvidia-smi -L; nvidia-smi topo -m; free -g; mount | grep cgroup; cat /sys/fs/cgroup/cgroup.controllers
      grep . /sys/devices/system/node/node*/{cpulist,distance} /sys/bus/pci/devices/*/numa_node; cat /proc/self/cgroup /proc/cmdline
      df -h /tmp /dev/shm; env | grep -E 'NCCL|SYMM|NVSHMEM'
    } >"$out/probe.txt" 2>&1
    grep -E 'NUMA|^GPU|^[0-9]+$|CPU\(s\)' "$out/probe.txt" | head -20
    timeout 60 python3 "$here/paths.py" "$out/paths.json"
    ;;
  start)
    if [ -z "${MOCK:-}" ] && ! [ -e "$work/model-8b/config.json" ]; then
      python3 "$here/model.py" "$work/model-1b" 1b &
      python3 "$here/model.py" "$work/model-8b" 8b
      wait
    fi
    serve graphs 18000 0 "$(cpus left)" "$work/model-1b" llama-1b -- --gpu-memory-utilization 0.2 --kv-cache-memory-bytes 12884901888
    serve large 18001 1 "$(cpus right)" "$work/model-8b" llama-8b -- --gpu-memory-utilization 0.25 --kv-cache-memory-bytes 17179869184
    serve eager 18002 0 "$(cpus left)" "$work/model-1b" llama-1b --eager -- --gpu-memory-utilization 0.2 --kv-cache-memory-bytes 12884901888
    for name in eager graphs large; do await $name || tail -n 40 "$servers/$name.log"; done
    ;;
  lanes)
    lane left "$seconds" & lane right "$seconds" & wait
    ;;
  sample)
    ends=$((SECONDS + seconds))
    stop eager
    load 18000 20 "$(cpus left-client)" >"$work/load-left.json" & load 18001 20 "$(cpus right-client)" >"$work/load-right.json" &
    bash "$here/run.sh" answers "$work/facts" 2>/dev/null
    sleep 1
    nvidia-smi -q -x >"$work/facts/tools/nvidiasmi-under-load.xml" 2>/dev/null &
    "$plumb" -q collect --sample 10 --cpus "$(cpus left-collector)" -o "$work/node.plumb" --force
    wait
    said noise
    "$plumb" -q noise --seconds 5 --into "$work/node.plumb" >"$out/noise.txt" 2>&1
    lane right $((ends - SECONDS)) >/dev/null &
    python3 - "$(pid_of graphs)" "$(cpus left-server)" "$(cpus left-four)" "$(cpus left-client)" >"$work/plan.toml" <<'PY'
import sys
pid, half, four, client = sys.argv[1:]
print(f'''schema = 1
name = "Placement and CPU neighbours of a running vLLM"

[server]
pid = {pid}
url = "http://127.0.0.1:18000"

[load]
concurrency = 16
seconds = 4
warmup = 32
prompt_tokens = 128
output_tokens = 64
client_cpus = "{client}"

[design]
blocks = 6
seed = 27
cooldown_s = 0.5
primary = "e2e_p95"
aa = "within"
calibrate = false

[[placement]]
name = "half"
cpus = "{half}"

[[placement]]
name = "four"
cpus = "{four}"

[[neighbour]]
name = "quiet"

[[neighbour]]
name = "cpu-hog-same-cpus"
kind = "cpu"
where = "same-cpus"

[[cell]]
placement = "half"
neighbour = "quiet"

[[cell]]
placement = "four"
neighbour = "quiet"

[[cell]]
placement = "four"
neighbour = "cpu-hog-same-cpus"''')
PY
    slo=ttft=200ms,tpot=20ms
    client="--cpus $(cpus left-client)"
    url=http://127.0.0.1:18000
    said closed loop
    timeout -s INT 40 "$plumb" -q bench $url -d 10 -c 16 $client --into "$work/node.plumb" --format json >"$out/closed.json" 2>>"$work/sample.log"
    said open loop
    timeout -s INT 40 "$plumb" -q bench $url -d 15 --rate 30 $client --slo $slo --into "$work/node.plumb" >"$out/open.txt" 2>>"$work/sample.log"
    said sweep
    timeout -s INT 75 "$plumb" -q bench $url --sweep --slo $slo --rate 40 --tolerance 0.15 --duration 6 $client --into "$work/node.plumb" \
      >"$out/sweep.txt" 2>>"$work/sample.log"
    cp "$work/node.plumb" "$work/bundles/sample-before.plumb"
    said experiment
    taskset -c "$(cpus left)" timeout -s INT $((ends - SECONDS > 10 ? ends - SECONDS : 10)) "$plumb" experiment "$work/plan.toml" --allow-changes --into "$work/node.plumb" \
      --format md >"$out/experiment.md" 2>>"$work/sample.log"
    said experiment ended with $?
    tail -n 5 "$work/sample.log"
    cp "$work/node.plumb" "$work/bundles/sample-node.plumb"
    wait
    tail -n 30 "$work/right.log"
    ;;
  pair)
    stop eager
    both pair graphs "$seconds"
    ;;
  split-start)
    stop eager graphs large
    serve split 18003 0,1 "$(cpus all)" "$work/model-8b" llama-8b -- --tensor-parallel-size 2 --gpu-memory-utilization 0.25 \
      --kv-cache-memory-bytes 8589934592
    ;;
  split)
    if ! await split 150; then
      said once more without its own all-reduce
      stop split
      serve split 18003 0,1 "$(cpus all)" "$work/model-8b" llama-8b -- --tensor-parallel-size 2 --gpu-memory-utilization 0.25 \
        --kv-cache-memory-bytes 8589934592 --disable-custom-all-reduce
      await split 150 || exit 1
    fi
    both split split $((seconds - SECONDS))
    ;;
  pack)
    cp -r "$work/facts" "$work"/*.log "$work"/*.json "$work/plan.toml" "$servers"/*.log "$out/" 2>/dev/null
    tar cf - -C "$out" . | gzip -6 >"$work/data.tar.gz"
    rm -rf "${out:?}"/*
    mv "$work/data.tar.gz" "$out/"
    mkdir -p "$work/handed"
    budget=45000000
    list=$(cd "$work/bundles" && for file in $(ls -t ./*.plumb 2>/dev/null); do
      size=$(stat -c %s "$file"); budget=$((budget - size - 1024)); [ $budget -gt 0 ] && echo "$file"
    done)
    if [ -n "$list" ]; then
      (cd "$work/bundles" && tar cf - $list) | split -b 15000000 - "$out/bundles.tar."
      (cd "$work/bundles" && mv $list "$work/handed/")
    fi
    ls -la "$out" "$work/bundles" | tail -n 40
    ;;
  *) echo "unknown phase \`$phase\`" >&2; exit 2 ;;
esac
said "$phase" done
