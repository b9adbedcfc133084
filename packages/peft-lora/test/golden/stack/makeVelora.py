"""What PEFT 0.21 gives for VeLoRA on a small model: python makeVelora.py, in this folder (PyTorch 2.13)."""

import copy
import shutil
import tempfile
from pathlib import Path

import torch
from peft import EvaConfig, LoraConfig, VeloraConfig, get_peft_model, initialize_lora_eva_weights
from peft.tuners.lora.config import CordaConfig, LoraGAConfig
from peft.tuners.lora.corda import preprocess_corda
from peft.tuners.lora.loraga import preprocess_loraga
from safetensors.torch import save_file
from stackModel import Model

cases = {
    "velora": dict(r=2, lora_alpha=3, velora_config=VeloraConfig(num_groups=2)),
    # Its groups of 2 features are one more than the 4 or 3 features fill.
    "velora-once": dict(
        r=2, lora_alpha=5, velora_config=VeloraConfig(num_groups=3, scale=0.5, init_type="batch_average_once")
    ),
    "velora-random": dict(
        r=1,
        lora_alpha=5,
        use_rslora=True,
        lora_bias=True,
        rank_pattern={"v": 2},
        alpha_pattern={"1.q": 7},
        init_lora_weights=False,
        velora_config=VeloraConfig(num_groups=2, scale=2.0, init_type="random"),
    ),
    "velora-pissa": dict(r=2, lora_alpha=3, init_lora_weights="pissa", velora_config=VeloraConfig(num_groups=2)),
    "velora-eva": dict(
        r=2, lora_alpha=3, init_lora_weights="eva", eva_config=EvaConfig(rho=1.5), velora_config=VeloraConfig(num_groups=2)
    ),
    # As LoRA of twice the rank, since PEFT cannot load what is taken out of the weight.
    "velora-corda": dict(
        r=1,
        lora_alpha=3,
        init_lora_weights="corda",
        corda_config=CordaConfig(corda_method="ipm"),
        velora_config=VeloraConfig(num_groups=2),
    ),
    "velora-lora-ga": dict(
        r=1,
        lora_alpha=3,
        init_lora_weights="lora_ga",
        lora_ga_config=LoraGAConfig(),
        velora_config=VeloraConfig(num_groups=2),
    ),
}


def prepare(model, config, batches):
    """Before the adapter, which takes from the model what is found here."""
    if config.init_lora_weights == "corda":
        preprocess_corda(model, config, run_model=lambda: [model(x) for x in batches])
    if config.init_lora_weights == "lora_ga":
        preprocess_loraga(model, config, lambda: [model(x).square().sum().backward() for x in batches])


def from_data(tuned, batches):
    """After it."""
    if tuned.peft_config["default"].init_lora_weights == "eva":
        initialize_lora_eva_weights(
            tuned,
            batches,
            forward_fn=lambda model, x: model(x),
            prepare_model_inputs_fn=None,
            prepare_layer_inputs_fn=None,
            show_progress_bar=False,
        )


def save(tuned, name, first):
    """PEFT converts into LoRA by the first values."""
    taken = tuned.peft_config["default"].init_lora_weights in ("corda", "lora_ga")
    tuned.save_pretrained(name, **(dict(path_initial_model_for_weight_conversion=first) if taken else {}))


def strip(key):
    return key.replace("base_model.model.", "").replace(".default", "")


for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    model = Model()
    io = {f"model.{key}": value.clone() for key, value in model.state_dict().items()}
    targets = ["q", "v"] if name == "velora-random" else ["q", "o"]
    config = LoraConfig(**options, target_modules=targets)
    # Of numbers of their own, so that the references stay what they were.
    batches = [torch.randn(8, 4, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    prepare(model, config, batches)
    tuned = get_peft_model(model, config)
    from_data(tuned, batches)
    tuned.train()
    first = tempfile.mkdtemp()
    tuned.save_pretrained(first)
    with torch.no_grad():
        for key, value in tuned.named_parameters():
            if ".lora_" in key:
                value.add_(torch.randn_like(value), alpha=0.7)
    if name == "velora-once":
        # The directions are those of the first batch, not of the one below.
        tuned(torch.randn(3, 4))
    io["x"], io["weights"] = torch.randn(2, 5, 4, requires_grad=True), torch.randn(2, 5, 4)
    y = tuned(io["x"])
    (y * io["weights"]).sum().backward()
    io["grad.x"] = io["x"].grad
    io["x"] = io["x"].detach()
    io["y"] = y.detach()
    trained = [(strip(key), value) for key, value in tuned.named_parameters() if value.requires_grad]
    io.update({f"grad.{key}": value.grad.clone() for key, value in trained})
    merged = copy.deepcopy(tuned).merge_and_unload().state_dict()
    io.update({f"merged.{key}": value for key, value in merged.items() if key.split(".")[-2] in targets})
    shutil.rmtree(name, ignore_errors=True)
    save(tuned, name, first)
    for page in Path(name).glob("**/README.md"):
        page.unlink()
    save_file({key: value.contiguous() for key, value in io.items()}, f"{name}/io.safetensors")
