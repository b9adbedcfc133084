"""What PEFT 0.21 gives for MonteCLoRA on a small model: python makeMonteclora.py, in this folder (PyTorch 2.13).

PEFT is given the numbers that Lorikeet draws with the key of the test, in noise.safetensors of each folder: those of a call,
and those of the penalty (`montecloraDraws.ts`; the test compares them).
"""

import copy
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, MontecloraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from stackModel import Model

cases = {
    "monteclora": dict(
        r=2,
        lora_alpha=3,
        monteclora_config=MontecloraConfig(
            num_samples=3, use_entropy=True, dirichlet_prior=0.5, sample_scaler=0.4, kl_loss_weight=0.3
        ),
    ),
    "monteclora-bias": dict(
        r=1,
        lora_alpha=5,
        use_rslora=True,
        lora_bias=True,
        rank_pattern={"v": 2},
        alpha_pattern={"1.q": 7},
        init_lora_weights=False,
        monteclora_config=MontecloraConfig(num_samples=2, sample_scaler=0.7, kl_loss_weight=0.2, buffer_size=10),
    ),
}


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    noise = load_file(f"{name}/noise.safetensors")
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    targets = ["q", "v"] if name == "monteclora-bias" else ["q", "o"]
    tuned = get_peft_model(model, LoraConfig(**options, target_modules=targets)).train()
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".lora_" in key:
                value.add_(torch.randn_like(value), alpha=0.7)
    for path, module in tuned.base_model.model.named_modules():
        if hasattr(module, "lora_monteclora_sampler"):
            sampler = module.lora_monteclora_sampler["default"].sampler
            sampler.buffer = [
                {
                    "z_mvn": noise[f"{draw}.{path}.samples"].transpose(1, 2),
                    "z_wishart": torch.diag(noise[f"{draw}.{path}.wishart"]),
                    "z_dirichlet": noise[f"{draw}.{path}.dirichlet"],
                }
                for draw in ["call", "penalty"]
            ]
            sampler.index = 0
    io["x"], io["weights"] = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    trained = [(strip(key), value) for key, value in tuned.named_parameters() if value.requires_grad]
    io.update({f"grad.{key}": value.grad.clone() for key, value in trained})
    tuned(io["x"])
    penalty = tuned.base_model._get_monteclora_loss()
    io["penalty"] = penalty.detach()
    slopes = torch.autograd.grad(penalty, [value for _, value in trained], allow_unused=True, materialize_grads=True)
    io.update({f"slope.{key}": slope for (key, _), slope in zip(trained, slopes)})
    tuned.eval()
    io["evaluated"] = tuned(io["x"]).detach()
    for module in tuned.modules():
        # A copy cannot be made of the last draw with its derivative.
        for buffer in ["gaussian_var_prior", "expert_weights"]:
            if hasattr(module, buffer):
                setattr(module, buffer, getattr(module, buffer).detach())
    merged = copy.deepcopy(tuned).merge_and_unload().state_dict()
    io.update({f"merged.{key}": value for key, value in merged.items() if key.split(".")[-2] in targets})
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file(noise, f"{name}/noise.safetensors")
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
