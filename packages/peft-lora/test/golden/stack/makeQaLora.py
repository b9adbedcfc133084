"""What PEFT 0.21 gives for QA-LoRA on a small model: python makeQaLora.py, in this folder (PyTorch 2.13).

PEFT has it for layers in GPTQ alone. Its class for them asks nothing of the layer but its sizes and its output, so that plain
linear layers stand in for them.
"""

import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.gptq import GPTQLoraLinear
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "qalora": dict(r=2, lora_alpha=3, qalora_group_size=2),
    "qalora-patterns": dict(
        r=1,
        lora_alpha=5,
        use_rslora=True,
        lora_dropout=0.25,
        rank_pattern={"v": 3},
        alpha_pattern={"1.q": 7},
        qalora_group_size=4,
        init_lora_weights=False,
    ),
}


class InGptq(GPTQLoraLinear):
    def __init__(self, base_layer, adapter_name, config, fan_in_fan_out=False, **kwargs):
        super().__init__(base_layer, adapter_name, config=config, r=kwargs["r"], lora_alpha=kwargs["lora_alpha"])


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    config = LoraConfig(**options, use_qalora=True, target_modules=["q", "v"])
    config._register_custom_module({torch.nn.Linear: InGptq})
    tuned = get_peft_model(model, config).eval()
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".lora_" in key:
                value.normal_(0, 0.7)
    io["x"], io["weights"] = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["y"] = y.detach()
    io.update({f"grad.{strip(key)}": value.grad for key, value in tuned.named_parameters() if value.requires_grad})
    config._custom_modules = None
    shutil.rmtree(name, ignore_errors=True)
    tuned.save_pretrained(name)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
