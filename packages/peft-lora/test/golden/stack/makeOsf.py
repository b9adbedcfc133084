"""What PEFT 0.21 gives for OSF on a small model: python makeOsf.py, in this folder (PyTorch 2.13)."""

import shutil
from pathlib import Path

import torch
from peft import OSFConfig, get_peft_model
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "osf": dict(target_modules=["q", "o"]),
    # A pattern may fit any part of a path; the first that fits counts.
    "osf-pattern": dict(effective_rank=1, rank_pattern={r"rs\.1": 2, "o": 0.7}, target_modules=["q", "v", "o"]),
    "osf-random": dict(
        effective_rank=0.4,
        init_weights=False,
        target_modules=["q", "o"],
        modules_to_save=["v"],
        target_svd_config={"q.weight": 1},
    ),
}

for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, OSFConfig(**options))
    with torch.no_grad():
        for value in tuned.parameters():
            if value.requires_grad:
                value.normal_(0, 0.7)
    io["x"], io["weights"] = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    for key, value in tuned.named_parameters():
        if value.requires_grad:
            key = key.replace("base_model.model.", "").replace(".default", "")
            io[f"grad.{key}"] = value.grad
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name)
    Path(name, "README.md").unlink(missing_ok=True)
    merged = tuned.merge_and_unload().state_dict()
    io.update({f"merged.{key}": merged[key] for key in merged if key.endswith((".q.weight", ".o.weight"))})
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
    print(name, sorted(io))
