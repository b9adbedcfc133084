"""What PEFT 0.21 gives for Super-Tuning on the small BERT: python makeSupertuning.py GOLDEN, in this folder.

GOLDEN is the folder of the reference values with models/bert-seqcls. For one module there are also outputs and gradients.
"""

import os
import sys
import torch
from peft import SupertuningConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification

here = os.path.dirname(os.path.abspath(__file__))
os.chdir(sys.argv[1])
common = {"target_modules": ["query", "value"], "task_type": "SEQ_CLS", "init_weights": False}
cases = {
    "supertuning": {"sparsity": 0.9},
    "supertuning-bottom-recomputed": {"sparsity": 0.8, "select_top": False, "save_precomputed_indices": False},
    "supertuning-supra": {"sparsity": 0.95, "r": 3, "lora_alpha": 5.0, "lora_dropout": 0.25},
}
for number, (name, options) in enumerate(cases.items()):
    torch.manual_seed(number)
    base = AutoModelForSequenceClassification.from_pretrained("models/bert-seqcls")
    model = get_peft_model(base, SupertuningConfig(**common, **options)).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "supertuning_" in key:
                parameter.mul_(0.1)
    folder = f"{here}/adapters/bert-seqcls/{name}"
    model.save_pretrained(folder)
    deltas = {}
    for path, module in model.base_model.model.named_modules():
        if hasattr(module, "supertuning_values") and hasattr(module, "get_delta_weight"):
            deltas[f"delta.{path}.weight"] = module.get_delta_weight("default").detach().contiguous()
    module = model.base_model.model.bert.encoder.layer[0].attention.self.query
    x, weights = torch.randn(2, 3, 32, requires_grad=True), torch.randn(2, 3, 32)
    y = module(x)
    (y * weights).sum().backward()
    gradients = {
        f"grad.{key.removeprefix('supertuning_').replace('.default', '').replace('lora_', '').removesuffix('.weight')}": p.grad
        for key, p in module.named_parameters()
        if p.grad is not None
    }
    deltas |= {"x": x.detach(), "grad.x": x.grad, "weights": weights, "y": y.detach(), **gradients}
    print(name, sorted(gradients))
    os.remove(f"{folder}/README.md")
    save_file(deltas, f"{folder}/io.safetensors")
