"""What PEFT 0.21 gives for Poly on a small model: python makePoly.py, in this folder (PyTorch 2.13)."""

import shutil
from pathlib import Path

import torch
from peft import PolyConfig, get_peft_model
from peft.tuners.poly.router import PolyRouter
from safetensors.torch import save_file
from torch import nn


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(4, 6)
        self.down = nn.Linear(6, 4, bias=False)

    def forward(self, x):
        return x + self.down(torch.tanh(self.up(x)))


cases = {
    "poly": dict(r=2, n_tasks=3, n_skills=3, target_modules=["up", "down"]),
    "poly-splits": dict(r=3, n_tasks=2, n_skills=2, n_splits=2, target_modules=r"up|down"),
    "poly-saved": dict(r=1, n_tasks=2, init_weights=False, target_modules=["up"], modules_to_save=["down"]),
}


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Pair()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, PolyConfig(**options)).eval()
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".poly_" in key:
                value.normal_(0, 0.7)
    io["x"], io["weights"] = torch.randn(4, 5, 4), torch.randn(4, 5, 4)
    tasks = torch.tensor([1, 0, options["n_tasks"] - 1, 1])
    io["task_ids"] = tasks.to(torch.int32)
    # The wrapper of a model without a task hands task_ids on to the model itself.
    y = tuned.base_model(io["x"], task_ids=tasks)
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    for key, value in tuned.named_parameters():
        if value.requires_grad:
            io[f"grad.{strip(key)}"] = value.grad
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name)
    Path(name, "README.md").unlink(missing_ok=True)
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
    print(name, sorted(io))

# How the share of each of three skills is spread in training.
torch.manual_seed(7)
router = PolyRouter(PolyConfig(n_tasks=1, n_skills=3)).train()
with torch.no_grad():
    router.module_logits.copy_(torch.tensor([[2.0, -0.5, 0.3]]))
    shares = router(torch.zeros(400_000, dtype=torch.long), None)[:, 0]  # [N, 3]
levels = torch.arange(1, 20) / 20
quantiles = torch.stack([torch.quantile(column, levels) for column in shares.T])
save_file({"logits": router.module_logits.detach(), "quantiles": quantiles}, "shares.safetensors")
