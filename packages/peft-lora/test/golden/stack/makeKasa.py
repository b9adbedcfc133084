"""What PEFT 0.21 gives for KaSA on a small model: python makeKasa.py, in this folder (PyTorch 2.13)."""

import copy
import shutil
from pathlib import Path

import torch
from peft import KasaConfig, LoraConfig, get_peft_model
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "kasa": dict(r=2, lora_alpha=3, kasa_config=KasaConfig(beta=0.3, gamma=0.05)),
    "kasa-bias": dict(
        r=1,
        lora_alpha=5,
        use_rslora=True,
        lora_bias=True,
        lora_dropout=0.25,
        rank_pattern={"v": 2},
        alpha_pattern={"1.q": 7},
        init_lora_weights=False,
        kasa_config=KasaConfig(),
    ),
}


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    # A bias of B merges into one of the module alone, which o lacks.
    targets = ["q", "o"] if name == "kasa" else ["q", "v"]
    tuned = get_peft_model(model, LoraConfig(**options, target_modules=targets)).eval()
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".lora_" in key:
                value.normal_(0, 0.7)
    io["x"], io["weights"] = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    trained = [(strip(key), value) for key, value in tuned.named_parameters() if value.requires_grad]
    io.update({f"grad.{key}": value.grad.clone() for key, value in trained})
    penalty = tuned.base_model._get_kasa_loss()
    io["penalty"] = penalty.detach()
    slopes = torch.autograd.grad(penalty, [value for _, value in trained], allow_unused=True, materialize_grads=True)
    io.update({f"slope.{key}": slope for (key, _), slope in zip(trained, slopes)})
    merged = copy.deepcopy(tuned).merge_and_unload().state_dict()
    io.update({f"merged.{key}": value for key, value in merged.items() if key.split(".")[-2] in targets})
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
