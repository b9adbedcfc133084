"""Makes tiny random models with transformers, and what they give, in the layout of shared/golden.

    python makeReference.py OUT [NAME ...]

writes OUT/models/NAME/{config.json, model.safetensors, io.safetensors, meta.json}. Needs torch, transformers and
safetensors; the models are computed in float64 from weights that float32 holds. `lorikeet parity OUT` reads the folder.
"""
import json
import pathlib
import sys
import zlib

import safetensors.torch
import torch
import transformers

transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()

from referenceCases import cases  # noqa: E402

BATCH, TIME, TARGET = 2, 7, 5


def fill(model, generator):
    """Values that are not small, and norms that are not trivial, so that mistakes show."""
    for name, leaf in model.named_parameters():
        if not leaf.requires_grad:
            continue
        noise = torch.randn(leaf.shape, generator=generator)
        is_norm = leaf.dim() == 1 and name.endswith("weight")
        # Gemma's norms multiply with 1 + weight: theirs are near 0 from the start.
        start = leaf.detach().mean() if is_norm else 0
        leaf.data = start + noise * (0.3 if leaf.dim() > 1 else 0.2)


def inputs_of(kind, config, generator):
    def integers(low, high, shape):
        return torch.randint(low, high, shape, generator=generator)

    text = config.get_text_config()
    shape = (BATCH, 3, TIME) if kind == "choice" else (BATCH, TIME)
    ids = integers(4, text.vocab_size, shape)
    mask = torch.ones(shape, dtype=torch.long)
    mask[-1, ..., -2:] = 0
    ids[mask == 0] = text.pad_token_id if text.pad_token_id is not None else 3
    inputs = {"input_ids": ids, "attention_mask": mask}
    if getattr(text, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = integers(0, 2, shape)
    labels = {
        "text": lambda: integers(0, config.num_labels, (BATCH,)),
        "choice": lambda: integers(0, 3, (BATCH,)),
        "tokens": lambda: torch.where(mask == 1, integers(0, config.num_labels, shape), -100),
        "words": lambda: torch.where(mask == 1, integers(4, text.vocab_size, shape), -100),
        "next": lambda: torch.where(mask == 1, ids, -100),
        "target": lambda: integers(4, text.vocab_size, (BATCH, TARGET)),
    }
    if kind == "span":
        inputs["start_positions"] = integers(0, 3, (BATCH,))
        inputs["end_positions"] = integers(3, 5, (BATCH,))
    elif kind == "detect":
        inputs["labels"] = torch.where(mask == 1, integers(0, 2, shape), -100)
    elif kind in labels:
        inputs["labels"] = labels[kind]()
    if kind == "target":
        inputs["labels"][-1, -1] = -100
    return inputs


def outputs_of(result):
    found = {}
    for name, value in result.items():
        if isinstance(value, torch.Tensor):
            found[name] = value
        elif "hidden_states" in name and isinstance(value, tuple):
            found.update({f"{name}.{i}": state for i, state in enumerate(value)})
    return found


def generated(model, config, kind, generator):
    ids = torch.randint(4, config.vocab_size, (BATCH, 5), generator=generator)
    mask = torch.ones_like(ids)
    if kind == "target":
        ids[-1, -1], mask[-1, -1] = config.pad_token_id, 0
    model.generation_config.eos_token_id = None
    with torch.no_grad():
        sequences = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=6, do_sample=False, num_beams=1
        )
    return {"input_ids": ids, "attention_mask": mask, "sequences": sequences}


def make(out, name, case):
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    torch.manual_seed(0)
    config = getattr(transformers, case["config"])(**case["fields"])
    config._attn_implementation = "eager"
    model = getattr(transformers, case["model"])(config).eval()
    if "untie" in case:
        head = getattr(model, case["untie"])
        head.weight = torch.nn.Parameter(head.weight.detach().clone())
    fill(model, generator)
    for buffer, leaf in model.named_buffers():
        if buffer == "final_logits_bias":
            leaf.normal_(std=0.5, generator=generator)
    folder = out / "models" / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)

    model.double()
    inputs = inputs_of(case["kind"], config, generator)
    if "ends" in case:
        inputs["input_ids"][torch.arange(BATCH), inputs["attention_mask"].sum(1) - 1] = case["ends"]
    result = model(**inputs, output_hidden_states=True)
    io = {f"input.{key}": value.to(torch.int32) for key, value in inputs.items()}
    io.update({f"output.{key}": value for key, value in outputs_of(result).items()})
    if case["kind"] == "choice":  # a mask of three axes does not tell which of their tokens count
        io = {key: value for key, value in io.items() if "hidden_states" not in key}
    if "loss" in result:
        result.loss.backward()
        io.update(
            {f"grad.{key}": p.grad for key, p in model.named_parameters() if p.grad is not None}
        )
    if case["kind"] in ("next", "target") and case.get("generate", True):
        io.update(
            {
                f"generate.{key}": value.to(torch.int32)
                for key, value in generated(model, config, case["kind"], generator).items()
            }
        )
    renamed = case.get("renamed", {})
    stored = {
        renamed.get(key, key): (value if value.dtype == torch.int32 else value.detach().float()).contiguous().clone()
        for key, value in io.items()
    }
    safetensors.torch.save_file(stored, folder / "io.safetensors")
    meta = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "class": case["model"],
        "mode": "eval (no dropout), eager attention",
        "dtype": "weights and stored values float32; computed in float64",
        "tolerance": {"rtol": 1e-4, "atol": 2e-5},
        "compare": "token-level outputs only where attention_mask is 1",
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")


def main():
    out, wanted = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for name, case in cases.items():
        if not wanted or any(name.startswith(part) for part in wanted):
            make(out, name, case)
            print(name, sum(f.stat().st_size for f in (out / "models" / name).iterdir()))


main()
