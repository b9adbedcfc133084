"""What PEFT 0.21 gives for ShadowPEFT on the small GPT-2 and the small Llama: python makeShadow.py GOLDEN, in this folder.

GOLDEN is the folder of the reference values, from which `shadow/models/llama-untied` is copied. Beside the adapters: outputs, gradients of all that trains, and steps of AdamW.
Shadows that are pretrained models are in `shadow/models` too, and `shadow/detached` is what PEFT saves of a shadow alone.
"""

import json
import os
import sys
from pathlib import Path

import torch
from peft import PeftModel, ShadowConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GPT2Config, GPT2ForSequenceClassification, GPT2Model, LlamaConfig, LlamaForCausalLM, LlamaModel

here = Path(__file__).parent
golden = Path(sys.argv[1]).resolve()
common = {"task_type": "CAUSAL_LM", "shadow_dropout": 0.0, "init_weights": False}
cases = {
    "shadow-gpt2": ("gpt2-lm", dict(r=3, shadow_alpha=0.5)),
    "shadow-llama": ("llama-untied", dict(r=2, shadow_alpha=0.7, update_hidden_size=5, auxiliary_loss_weight=0.3)),
    "shadow-llama-small": (
        "llama-untied",
        dict(r=2, shadow_num_hidden_layers=2, shadow_hidden_size=16, shadow_intermediate_size=12, target_modules=r".*layers\.1"),
    ),
    "shadow-llama-own": ("llama-untied", dict(r=2, share_embeddings=False, auxiliary_loss_weight=0)),
}

rows = "gpt2-rows"
torch.manual_seed(99)
small = GPT2Config(vocab_size=30, n_positions=12, n_embd=8, n_layer=2, n_head=2, num_labels=3, pad_token_id=0)
GPT2ForSequenceClassification(small).save_pretrained(here / "shadow" / "models" / rows)
cases["shadow-rows"] = (rows, dict(r=2, auxiliary_loss_weight=0.5))

tiny = "llama-tiny"
common_sizes = dict(vocab_size=30, max_position_embeddings=16, num_attention_heads=2, initializer_range=0.4)
torch.manual_seed(98)
LlamaForCausalLM(LlamaConfig(**common_sizes, hidden_size=8, intermediate_size=10, num_hidden_layers=2, num_key_value_heads=1)).save_pretrained(here / "shadow" / "models" / tiny)
LlamaForCausalLM(LlamaConfig(**common_sizes, hidden_size=8, intermediate_size=6, num_hidden_layers=1)).save_pretrained(here / "shadow" / "models" / "same-width")
GPT2Model(GPT2Config(vocab_size=30, n_positions=16, n_embd=4, n_layer=2, n_head=2, initializer_range=0.4)).save_pretrained(here / "shadow" / "models" / "narrow")
projected = LlamaModel(LlamaConfig(**common_sizes, hidden_size=4, intermediate_size=6, num_hidden_layers=1))
folder = here / "shadow" / "models" / "projected"
folder.mkdir(exist_ok=True)
tensors = {f"shadow_model.{key}": value for key, value in projected.state_dict().items()}
tensors["shadow_hidden_projection.weight"] = torch.randn(8, 4)
save_file(tensors, folder / "model.safetensors", {"format": "pt"})
(folder / "config.json").write_text(json.dumps({"model_type": "causal_lm_with_hidden_projection", "shadow_model_config": projected.config.to_dict()}, indent=2))
cases["shadow-given"] = (tiny, dict(r=2, shadow_alpha=0.7, shadow_model="models/same-width"))
cases["shadow-given-narrow"] = (tiny, dict(r=2, auxiliary_loss_weight=0.4, shadow_model="models/narrow"))
cases["shadow-given-projected"] = (rows, dict(r=2, share_embeddings=False, shadow_model="models/projected"))
for file in (here / "shadow" / "models").glob("*/generation_config.json"):
    file.unlink()
# Paths of shadows are from here.
os.chdir(here / "shadow")

for number, (name, (base, options)) in enumerate(cases.items()):
    torch.manual_seed(number)
    of_rows = base == rows
    path = here / "shadow" / "models" / base if base in (rows, tiny) else golden / "models" / base
    kind = AutoModelForSequenceClassification if of_rows else AutoModelForCausalLM
    model_of = lambda: kind.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
    plain = model_of()
    task = {"task_type": "SEQ_CLS"} if of_rows else {}
    model = get_peft_model(plain, ShadowConfig(**{**common, **options, **task})).eval()
    trained = {key: value for key, value in model.named_parameters() if value.requires_grad}
    with torch.no_grad():
        for value in trained.values():
            value.add_(0.1 * torch.randn_like(value))
    size = model.get_base_model().config.vocab_size
    ids = torch.randint(1, size, (2, 7))
    mask = torch.ones(2, 7, dtype=torch.long)
    mask[1, 5:] = 0
    labels = ids.masked_fill(mask == 0, -100)
    if of_rows:
        ids = ids.masked_fill(mask == 0, 0)
        labels = torch.tensor([2, 0])
    given = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    folder = here / "shadow" / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    saved = json.loads((folder / "adapter_config.json").read_text())
    saved["base_model_name_or_path"] = f"models/{base}"
    (folder / "adapter_config.json").write_text(json.dumps(saved, indent=2, sort_keys=True))
    loaded = PeftModel.from_pretrained(model_of(), folder).eval()
    with torch.no_grad():
        out = loaded(**given)
        alone = loaded.base_model.unload_shadow()(input_ids=ids, attention_mask=mask).logits
        following = None if of_rows else model.generate(input_ids=ids[:1], max_new_tokens=5, do_sample=False, use_cache=True, eos_token_id=None, pad_token_id=0)
    if name == "shadow-given-narrow":
        loaded.base_model.unload_shadow(copy=True).save_pretrained(here / "shadow" / "detached")
        (here / "shadow" / "detached" / "generation_config.json").unlink()
    io = {f"input.{key}": value.to(torch.int32) for key, value in given.items()}
    io |= {"output.logits": out.logits, "output.loss": out.loss, "alone": alone}
    if following is not None:
        io["generated"] = following.to(torch.int32)
    optimizer = torch.optim.AdamW(trained.values(), lr=0.01, weight_decay=0.0)
    strip = lambda key: key.replace(".default", "")
    for step in range(3):
        optimizer.zero_grad()
        loss = model(**given).loss
        loss.backward()
        if step == 0:
            io |= {f"grad.{key}": value.grad.clone() for key, value in trained.items() if value.grad is not None}
            print([key for key, value in trained.items() if value.grad is None])
        io[f"loss.{step}"] = loss.detach()
        optimizer.step()
    save_file({key: value.detach().contiguous() for key, value in io.items()}, folder / "io.safetensors")
    from safetensors import safe_open
    with safe_open(folder / "adapter_model.safetensors", "pt") as f:
        print(name, {k: list(f.get_slice(k).get_shape()) for k in f.keys()})
