"""Merges an adapter of one linear layer, each time a line `merge` comes, and says what it took; `end` ends it."""

import json
import sys
import time

import peft
import torch
from adapter import config_of

order = json.loads(sys.argv[1])
torch.set_num_threads(order["threads"])
torch.manual_seed(0)
model = torch.nn.Module()
model.layer = torch.nn.Linear(order["in"], order["out"])
model = peft.get_peft_model(model, config_of(order["adapter"]))
model.eval()
[layer] = [one for one in model.modules() if isinstance(one, peft.tuners.tuners_utils.BaseTunerLayer)]
# Some methods save work where nothing was learned: all do what they do after training.
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(0.01 * torch.randn_like(parameter))
kept = {name: value.clone() for name, value in layer.get_base_layer().named_parameters()}


def merge():
    start = time.perf_counter()
    with torch.no_grad():
        layer.merge(safe_merge=False)
    seconds = time.perf_counter() - start
    # As it was, exactly: `unmerge` computes it.
    layer.merged_adapters.clear()
    for name, value in layer.get_base_layer().named_parameters():
        value.data.copy_(kept[name])
    return seconds


def say(**fields):
    print(json.dumps(fields), flush=True)


say(
    version=f"torch {torch.__version__}, peft {peft.__version__}",
    trainable=sum(one.numel() for one in model.parameters() if one.requires_grad),
)
for line in sys.stdin:
    if line.strip() == "end":
        say(cpu_s=time.process_time())
        break
    say(seconds=merge())
