"""What PEFT 0.21 gives for BD-LoRA on a small model: python makeBdLora.py, in this folder (PyTorch 2.13)."""

import copy
import shutil
from pathlib import Path

import torch
from peft import BdLoraConfig, LoraConfig, get_peft_model
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "bdlora": (
        ["q", "v", "o"],
        dict(
            r=3,
            lora_alpha=5,
            use_bdlora=BdLoraConfig(target_modules_bd_a=["o"], target_modules_bd_b=["q", "v"], nblocks=3),
        ),
    ),
    # A text of a list may be any part of a path; the third q is plain.
    "bdlora-parts": (
        ["q", "o"],
        dict(
            r=2,
            lora_alpha=3,
            use_rslora=True,
            lora_dropout=0.25,
            rank_pattern={"o": 4},
            alpha_pattern={"1.q": 7},
            init_lora_weights=False,
            use_bdlora=BdLoraConfig(
                target_modules_bd_a=["0.q", "layers.1.q"], target_modules_bd_b=["o"], nblocks=2, match_strict=False
            ),
        ),
    ),
    "bdlora-bias": (
        ["q", "v"],
        dict(
            r=2,
            lora_bias=True,
            use_bdlora=BdLoraConfig(target_modules_bd_a=["q"], nblocks=2, match_strict=False),
        ),
    ),
}


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


for number, (name, (targets, options)) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    tuned = get_peft_model(model, LoraConfig(**options, target_modules=targets)).eval()
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".lora_" in key:
                value.normal_(0, 0.7)
    io["x"], io["weights"] = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    io.update({f"grad.{strip(key)}": value.grad for key, value in tuned.named_parameters() if value.requires_grad})
    merged = copy.deepcopy(tuned).merge_and_unload().state_dict()
    io.update({f"merged.{key}": value for key, value in merged.items() if key.split(".")[-2] in targets})
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
