"""What PEFT 0.21 gives for FRoD on a small model: python makeFrod.py, in this folder (PyTorch 2.13)."""

import copy
import shutil
from pathlib import Path

import torch
from peft import FrodConfig, get_peft_model
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "frod": dict(sparse_rate=0.4, projection_prng_key=3, regularization_alpha=0.05),
    # Fewer outputs than inputs, in one layer alone.
    "frod-wide": dict(sparse_rate=0.5, layers_to_transform=[1], layers_pattern="layers", init_weights=False),
    "frod-diagonal": dict(sparse_rate=0),
    "frod-full": dict(sparse_rate=1, frod_dropout=0.25, runtime_offload_base_weight=True),
    # An input that no layer looks at.
    "frod-dead": dict(sparse_rate=0.4),
}


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


def with_noise(tuned, name="default"):
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".frod_lambda_" in key and key.endswith(f".{name}"):
                value.add_(torch.randn_like(value), alpha=0.3)


def write(name, tuned, io, **options):
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name, **options)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")


common = dict(target_modules=["q", "o"], progressbar=False)
for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    if name == "frod-dead":
        with torch.no_grad():
            for layer in model.stack["layers"]:
                layer.q.weight[:, 1] = 0
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, FrodConfig(**options, **common)).eval()
    for key, value in tuned.named_parameters():
        if ".frod_lambda_l." in key:
            io[f"first.{strip(key)}"] = value.detach().clone()
    with_noise(tuned)
    io["x"], io["weights"] = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    for key, value in tuned.named_parameters():
        # An empty list of entries has none.
        if value.grad is not None:
            io[f"grad.{strip(key)}"] = value.grad
    merged = copy.deepcopy(tuned).merge_and_unload().state_dict()
    io.update({f"merged.{key}": merged[key] for key in merged if key.endswith((".q.weight", ".o.weight"))})
    write(name, tuned, io)

# Two at once, each of which decomposes the weight under both. The second has the entries of the first, whatever its rate.
torch.manual_seed(9)
model = Model()
io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
tuned = get_peft_model(model, FrodConfig(sparse_rate=0.5, **common), adapter_name="first")
tuned.add_adapter("second", FrodConfig(sparse_rate=0.5, **common | {"target_modules": ["q"]}))
tuned.base_model.set_adapter(["first", "second"])
for name in ["first", "second"]:
    with_noise(tuned, name)
io["x"] = torch.randn(2, 5, 4)
io["y"] = tuned(io["x"]).detach()
write("frod-both", tuned, io, selected_adapters=["first", "second"])
