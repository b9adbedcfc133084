"""One LoRA step of a model with random weights, each time a line `step` comes; `end` gives the peak memory in MiB."""

import json
import resource
import sys

import peft
import torch
import transformers

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
config = transformers.AutoConfig.for_model(fields.pop("model_type"), **fields)
model = classes[architecture](config)
lora = peft.LoraConfig(
    r=order["rank"],
    lora_alpha=2 * order["rank"],
    lora_dropout=0.0,
    target_modules=order["modules"],
    fan_in_fan_out=architecture.startswith("GPT2"),
)
model = peft.get_peft_model(model, lora)
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


def step():
    optimizer.zero_grad()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    optimizer.step()
    return loss.item()


print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}", flush=True)
for line in sys.stdin:
    if line.strip() == "end":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
        break
    print(step(), flush=True)
