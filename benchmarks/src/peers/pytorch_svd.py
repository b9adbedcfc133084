"""Decomposes a matrix of noise, each time a line `run` comes, and says what it took; `end` ends it."""

import json
import sys
import time

import torch

order = json.loads(sys.argv[1])
torch.set_num_threads(order["threads"])
rows, columns = order["shape"]
x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))
if order["of"] == "eigh":
    x = x + x.mT
decompose = {
    "leadingSvd": lambda: torch.linalg.svd(x, full_matrices=False),
    "svd": lambda: torch.linalg.svd(x, full_matrices=False),
    "eigh": lambda: torch.linalg.eigh(x),
    "qr": lambda: torch.linalg.qr(x),
}[order["of"]]


def say(**fields):
    print(json.dumps(fields), flush=True)


say(version=f"torch {torch.__version__}")
for line in sys.stdin:
    if line.strip() == "end":
        say(cpu_s=time.process_time())
        break
    start = time.perf_counter()
    decompose()
    say(seconds=time.perf_counter() - start)
