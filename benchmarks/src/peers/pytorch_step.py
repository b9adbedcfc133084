"""One LoRA step of a model with random weights, each time a line `step` comes; `end` gives memory and arithmetic."""

import json
import math
import resource
import sys
import time

import peft
import torch
import transformers
from adapter import config_of
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

order = json.loads(sys.argv[1])
torch.set_num_threads(order["threads"])
torch.manual_seed(0)
classes = {
    "BertForSequenceClassification": transformers.BertForSequenceClassification,
    "GPT2LMHeadModel": transformers.GPT2LMHeadModel,
    "LlamaForCausalLM": transformers.LlamaForCausalLM,
}
fields = dict(order["config"])
architecture = fields.pop("architectures")[0]
# There is nothing to generate.
config = transformers.AutoConfig.for_model(fields.pop("model_type"), use_cache=False, **fields)
model = classes[architecture](config)
model = peft.get_peft_model(model, config_of(order["adapter"]))
model.train()
for module in model.modules():
    if isinstance(module, torch.nn.Dropout):
        module.p = 0.0
trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trainable, lr=1e-3)
batch, seq = order["batch"], order["seq"]
ids = (torch.arange(batch * seq) * 7919 % fields["vocab_size"]).view(batch, seq)
labels = ids if order["isCausal"] else torch.arange(batch) % 2
mask = torch.ones(batch, seq, dtype=torch.long)
tasks = {"task_ids": torch.arange(batch) % order["tasks"]} if "tasks" in order else {}


def step():
    optimizer.zero_grad()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels, **tasks).loss
    loss.backward()
    optimizer.step()
    return loss.item()


def peak_rss_mib():
    # `ru_maxrss` starts with what the parent held when it made this process.
    try:
        with open("/proc/self/status") as status:
            kib = next(line for line in status if line.startswith("VmHWM")).split()[1]
    except FileNotFoundError:
        kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(kib) / 1024


def gflop_per_step():
    # It does not know these two.
    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    products = {
        attention: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
        backward: lambda gradient, q, k, v, *_, **__: sdpa_backward_flop_count(gradient, q, k, v),
    }
    with FlopCounterMode(display=False, custom_mapping=products) as counter:
        step()
    return counter.get_total_flops() / 1e9


def say(**fields):
    print(json.dumps(fields), flush=True)


versions = f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}"
# Some methods hold parameters that nothing reads: these have no gradient.
step()
say(version=versions, trainable=sum(one.numel() for one in trainable if one.grad is not None))
for line in sys.stdin:
    if line.strip() == "end":
        # In this order: counting is no part of what is measured.
        say(peak_rss_mib=peak_rss_mib(), gflop_per_step=gflop_per_step(), cpu_s=time.process_time())
        break
    loss = step()
    if not math.isfinite(loss):
        sys.exit(f"the loss is {loss}")
    say(loss=loss)
