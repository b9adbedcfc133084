"""What PEFT 0.21 gives for DEFT on a small model: python makeDeft.py, in this folder (PyTorch 2.13)."""

import copy
import shutil
from pathlib import Path

import torch
from peft import DeftConfig, get_peft_model
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "deft-relu": dict(r=2, alpha=3),
    "deft-qr": dict(r=2, decomposition_method="qr"),
    # More than there are outputs: 3 of q, 4 of o.
    "deft-wide": dict(r=8, decomposition_method="qr", alpha=6),
    "deft-para": dict(r=2, decomposition_method="qr", para=True),
}


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


def with_noise(tuned, name="default"):
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".deft_" in key and key.endswith(f".{name}"):
                value.normal_(0, 0.7)


def write(name, tuned, tensors, **options):
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name, **options)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file({key: value.contiguous() for key, value in tensors.items()}, f"{name}/io.safetensors")


for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, DeftConfig(**options, target_modules=["q", "o"]))
    with_noise(tuned)
    io["x"], io["weights"] = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    for key, value in tuned.named_parameters():
        if value.requires_grad:
            io[f"grad.{strip(key)}"] = value.grad
    merged = copy.deepcopy(tuned).merge_and_unload().state_dict()
    io.update({f"merged.{key}": merged[key] for key in merged if key.endswith((".q.weight", ".o.weight"))})
    write(name, tuned, io)

# Two at once, each of which takes away from the weight under both.
torch.manual_seed(9)
model = Model()
io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
tuned = get_peft_model(model, DeftConfig(r=2, target_modules=["q", "o"]), adapter_name="first")
tuned.add_adapter("second", DeftConfig(r=1, decomposition_method="qr", target_modules=["q"]))
tuned.base_model.set_adapter(["first", "second"])
for name in ["first", "second"]:
    with_noise(tuned, name)
io["x"] = torch.randn(2, 5, 4)
io["y"] = tuned(io["x"]).detach()
write("deft-both", tuned, io, selected_adapters=["first", "second"])
