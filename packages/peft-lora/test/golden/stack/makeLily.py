"""What PEFT 0.21 gives for Lily on a small model: python makeLily.py, in this folder (PyTorch 2.13)."""

import shutil
from pathlib import Path

import torch
from peft import LilyConfig, get_peft_model
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "lily-names": dict(r=2, stride_A=2, num_B=3, scaling=0.5, target_modules=["q", "v"]),
    "lily-pattern": dict(r=3, stride_A=4, num_B=2, target_modules=r"stack\.layers\.\d\.(q|v)"),
    "lily-layers": dict(r=1, stride_A=2, target_modules=["q", "o"], layers_to_transform=[0, 2]),
}

for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    plain = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, LilyConfig(**options))
    trained = {key: value for key, value in tuned.named_parameters() if value.requires_grad}
    with torch.no_grad():
        for value in trained.values():
            value.normal_(0, 0.7)
    x = torch.randn(2, 5, 4)
    weights = torch.randn(2, 5, 4)
    y = tuned(x)
    (y * weights).sum().backward()
    strip = lambda key: key.replace("base_model.model.", "").replace(".default", "")
    gradients = {f"grad.{strip(key)}": value.grad for key, value in trained.items()}
    with torch.no_grad():
        rows = torch.cat([tuned(row[None]) for row in x])
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name)
    Path(name, "README.md").unlink(missing_ok=True)
    io = {**plain, **gradients, "x": x, "weights": weights, "y": y.detach(), "rows": rows}
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
    print(name, sorted(gradients), (y - rows).abs().max().item())
