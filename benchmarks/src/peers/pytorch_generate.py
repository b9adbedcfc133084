"""Greedy generation by a model with random weights, each time a line `run` comes; it says how long each took."""

import json
import resource
import sys
import time

import torch
import transformers

order = json.loads(sys.argv[1])
torch.set_num_threads(order["threads"])
torch.manual_seed(0)
fields = dict(order["config"])
fields.pop("architectures")
config = transformers.AutoConfig.for_model(fields.pop("model_type"), **fields)
model = transformers.AutoModelForCausalLM.from_config(config).eval()
batch, prompt, new = order["batch"], order["prompt"], order["new"]
ids = (torch.arange(batch * prompt) * 7919 % fields["vocab_size"]).view(batch, prompt)
mask = torch.ones_like(ids)
options = transformers.GenerationConfig(
    max_new_tokens=new, min_new_tokens=new, do_sample=False, eos_token_id=None, pad_token_id=0
)
options.min_new_tokens = None


def say(**values):
    print(json.dumps(values), flush=True)


say(version=f"torch {torch.__version__}, transformers {transformers.__version__}")
for line in sys.stdin:
    if line.strip() == "end":
        say(cpu_s=time.process_time(), peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        break
    start = time.perf_counter()
    with torch.inference_mode():
        sequences = model.generate(ids, attention_mask=mask, generation_config=options)
    seconds = time.perf_counter() - start
    if sequences.shape[1] != prompt + new:
        sys.exit(f"{sequences.shape} tokens")
    say(seconds=seconds)
