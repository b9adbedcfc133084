"""What PEFT 0.21 gives for AdaMSS: python makeAdamss.py, in this folder (PyTorch 2.13, scikit-learn 1.9.1).

`adamss-steps` has what its adaptive allocation leaves of the parameters after each of some steps of SGD.
"""

import copy
import shutil
from pathlib import Path

import torch
from peft import AdamssConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.second = nn.Linear(12, 9, bias=False)
        self.third = nn.Linear(9, 11)

    def forward(self, x):
        return self.third(torch.tanh(self.second(torch.tanh(self.first(x)))))


cases = {
    "adamss": dict(r=4, num_subspaces=3, subspace_rank=2, random_seed=3),
    "adamss-dynamic": dict(r=5, num_subspaces=4, subspace_rank=3, use_dynamic_rank=True, svd_threshold=0.3, init_weights=None),
    # A subspace for each output of one layer.
    "adamss-many": dict(r=3, num_subspaces=9, subspace_rank=1),
}
common = dict(target_modules=["first", "second", "third"])


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


def with_noise(tuned):
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".adamss_" in key:
                value.add_(torch.randn_like(value), alpha=0.4)


def write(name, tuned, io, **options):
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name, **options)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file({key: value.detach().contiguous() for key, value in io.items()}, f"{name}/io.safetensors")


for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, AdamssConfig(**options, **common))
    for key, value in tuned.named_parameters():
        if ".adamss_A." in key:
            io[f"first.{strip(key)}"] = value.clone()
    with_noise(tuned)
    io["x"], io["weights"] = torch.randn(2, 5, 6), torch.randn(2, 5, 11)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y
    for key, value in tuned.named_parameters():
        if value.requires_grad:
            io[f"grad.{strip(key)}"] = value.grad
    io.update({f"merged.{key}": value for key, value in copy.deepcopy(tuned).merge_and_unload().state_dict().items()})
    write(name, tuned, io)

torch.manual_seed(7)
model = Model()
io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
asa = dict(
    use_asa=True, asa_target_subspaces=3, init_warmup=1, final_warmup=5, mask_interval=2,
    asa_importance_beta=0.6, asa_uncertainty_beta=0.7, asa_schedule_exponent=1.5,
)
tuned = get_peft_model(model, AdamssConfig(r=4, num_subspaces=3, subspace_rank=2, **asa, **common))
with_noise(tuned)
io["x"], io["weights"] = torch.randn(4, 6), torch.randn(4, 11)
optimizer = torch.optim.SGD(tuned.parameters(), lr=0.02)
write("adamss-steps", tuned, io)
for step in range(8):
    ((tuned(io["x"]) - io["weights"]) ** 2).sum().backward()
    optimizer.step()
    tuned.base_model.update_and_allocate(step)
    optimizer.zero_grad()
    live = sum(".adamss_A." in key and value.requires_grad for key, value in tuned.named_parameters())
    print(step, live)
    for key, value in tuned.named_parameters():
        if ".adamss_" in key:
            io[f"step.{step}.{strip(key)}"] = value.detach().clone()
save_file({key: value.detach().contiguous() for key, value in io.items()}, "adamss-steps/io.safetensors")

# Two at once, each of which divides the weight under both.
torch.manual_seed(9)
model = Model()
io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
options = dict(r=4, num_subspaces=3, subspace_rank=2)
tuned = get_peft_model(model, AdamssConfig(**options, **common), adapter_name="one")
tuned.add_adapter("two", AdamssConfig(**options, **common))
tuned.base_model.set_adapter(["one", "two"])
with_noise(tuned)
io["x"] = torch.randn(4, 6)
io["y"] = tuned(io["x"])
write("adamss-both", tuned, io, selected_adapters=["one", "two"])
