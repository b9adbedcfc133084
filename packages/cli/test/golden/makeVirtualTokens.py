"""What PEFT 0.21 gives for CPT and Cartridge on the small GPT-2: python makeVirtualTokens.py, in this folder.

Beside the adapters and what they give: gradients of what trains there, and the values after steps of AdamW.
"""

import json
from pathlib import Path

import torch
from peft import CartridgeConfig, CPTConfig, PeftModel, get_peft_model
from peft.tuners.cartridge.utils import initialize_kv_prefix_from_past_key_values
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

here = Path(__file__).parent
base = "models/gpt2-lm"
types = [1, 2, 2, 3, 4, 5, 6, 7, 8, 8]
context = {
    "cpt_token_ids": [3, 17, 29, 5, 41, 3, 11, 5, 60, 2],
    "cpt_tokens_type_mask": types,
    "cpt_mask": [1] * len(types),
    "opt_projection_epsilon": 2.0,
    "opt_projection_format_epsilon": 0.5,
    "task_type": "CAUSAL_LM",
}
decay = {"opt_weighted_loss_type": "decay", "opt_loss_decay_factor": 0.6}
cases = {
    "cpt": CPTConfig(**context),
    "cpt-decay": CPTConfig(**context, **decay),
    "cartridge": CartridgeConfig(num_virtual_tokens=4, num_frozen_tokens=2, task_type="CAUSAL_LM"),
    "cartridge-text": CartridgeConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
    "cartridge-free": CartridgeConfig(num_virtual_tokens=2, num_frozen_tokens=0, task_type="CAUSAL_LM"),
}
text = [9, 4, 23, 70, 8]


def model_of():
    return AutoModelForCausalLM.from_pretrained(here / base, dtype=torch.float32).eval()


for number, (name, config) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = get_peft_model(model_of(), config).eval()
    encoder = model.prompt_encoder["default"]
    is_cpt = name.startswith("cpt")
    io = {}
    ids = torch.randint(0, 71, (2, 8))
    mask = torch.ones(2, 8, dtype=torch.long)
    mask[1, 6:] = 0
    labels = ids.masked_fill(mask == 0, -100)
    labels[0, :2] = -100
    given = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    if name == "cpt-decay":
        given["input_type_mask"] = torch.tensor([[1, 2, 2, 3, 4, 4, 4, 0], [1, 1, 2, 4, 3, 4, 4, 4]])
    # PEFT changes `input_type_mask` in place.
    call = lambda tuned: tuned(**{key: value.clone() for key, value in given.items()})
    if name == "cartridge-text":
        with torch.no_grad():
            past = model.get_base_model()(input_ids=torch.tensor([text]), use_cache=True).past_key_values
        legacy = [(layer.keys, layer.values) for layer in past.layers]
        io["init"] = initialize_kv_prefix_from_past_key_values(model, past_key_values=legacy)
        io["text"] = torch.tensor(text)
    trained = {key: value for key, value in encoder.named_parameters() if value.requires_grad}
    with torch.no_grad():
        for value in trained.values():
            value.add_(torch.randn_like(value) * (0.02 if is_cpt else 0.3))
    io |= {f"start.{key}": value.detach().clone() for key, value in encoder.state_dict().items()}
    # Once before, since CPT cuts its changes in the first call.
    call(model)
    optimizer = torch.optim.AdamW(trained.values(), lr=0.05, weight_decay=0.01)
    for step in range(4):
        optimizer.zero_grad()
        loss = call(model).loss
        loss.backward()
        if step == 0:
            io |= {f"grad.{key}": value.grad.clone() for key, value in trained.items()}
        io[f"loss.{step}"] = loss.detach()
        optimizer.step()
    # `save_pretrained` writes what is in the balls, so that its name is honest: `final` is after the last step.
    io["final"] = model.get_prompt_embedding_to_save("default").clone()
    folder = here / "virtual" / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    saved = json.loads((folder / "adapter_config.json").read_text())
    saved["base_model_name_or_path"] = base
    (folder / "adapter_config.json").write_text(json.dumps(saved, indent=2, sort_keys=True))
    loaded = PeftModel.from_pretrained(model_of(), folder).eval()
    with torch.no_grad():
        out = call(loaded)
    io |= {f"input.{key}": value.to(torch.int32) for key, value in given.items()}
    io |= {"output.logits": out.logits, "output.loss": out.loss}
    save_file({key: value.detach().contiguous() for key, value in io.items()}, folder / "io.safetensors")
    print(name, float(out.loss), sorted(io))
