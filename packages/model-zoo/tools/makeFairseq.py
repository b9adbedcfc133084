"""Writes a folder as fairseq publishes RoBERTa, from a tiny RoBERTa of transformers, and what that gives.

    python makeFairseq.py OUT

fairseq itself cannot be installed with a current Python; the names are those that transformers' conversion script reads.
"""
import argparse
import json
import pathlib
import sys

import torch
import transformers

out = pathlib.Path(sys.argv[1])
torch.manual_seed(0)
config = transformers.RobertaConfig(
    vocab_size=40, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2,
    max_position_embeddings=18, type_vocab_size=1, layer_norm_eps=1e-5, bos_token_id=0, pad_token_id=1, eos_token_id=2,
)
model = transformers.RobertaForMaskedLM(config).eval()
for leaf in model.parameters():
    leaf.data = torch.randn(leaf.shape) * 0.3
model.roberta.embeddings.token_type_embeddings.weight.data.zero_()
state = model.state_dict()


def of(place):
    return [state[f"{place}.{end}"] for end in ("weight", "bias")]


def put(target, name, place):
    for end, value in zip(("weight", "bias"), of(place)):
        target[f"{name}.{end}"] = value


def fairseq(joint):
    root, saved = "decoder.sentence_encoder" if joint else "encoder.sentence_encoder", {}
    saved[f"{root}.embed_tokens.weight"] = state["roberta.embeddings.word_embeddings.weight"]
    saved[f"{root}.embed_positions.weight"] = state["roberta.embeddings.position_embeddings.weight"]
    put(saved, f"{root}.{'emb_layer_norm' if joint else 'layernorm_embedding'}", "roberta.embeddings.LayerNorm")
    if joint:
        saved[f"{root}.version"] = torch.tensor([1.0])
    for index in range(config.num_hidden_layers):
        ours, theirs = f"roberta.encoder.layer.{index}", f"{root}.layers.{index}"
        parts = [of(f"{ours}.attention.self.{name}") for name in ("query", "key", "value")]
        if joint:
            saved[f"{theirs}.self_attn.in_proj_weight"] = torch.cat([weight for weight, _ in parts])
            saved[f"{theirs}.self_attn.in_proj_bias"] = torch.cat([bias for _, bias in parts])
        else:
            for name, (weight, bias) in zip("qkv", parts):
                saved[f"{theirs}.self_attn.{name}_proj.weight"], saved[f"{theirs}.self_attn.{name}_proj.bias"] = weight, bias
        put(saved, f"{theirs}.self_attn.out_proj", f"{ours}.attention.output.dense")
        put(saved, f"{theirs}.self_attn_layer_norm", f"{ours}.attention.output.LayerNorm")
        put(saved, f"{theirs}.fc1", f"{ours}.intermediate.dense")
        put(saved, f"{theirs}.fc2", f"{ours}.output.dense")
        put(saved, f"{theirs}.final_layer_norm", f"{ours}.output.LayerNorm")
    head = root.split(".")[0] + ".lm_head"
    put(saved, f"{head}.dense", "lm_head.dense")
    put(saved, f"{head}.layer_norm", "lm_head.layer_norm")
    saved[f"{head}.weight"], saved[f"{head}.bias"] = state["lm_head.decoder.weight"], state["lm_head.bias"]
    return saved


options = dict(encoder_attention_heads=2, activation_fn="gelu", dropout=0.1, attention_dropout=0.1, arch="roberta_base")
for name, joint in {"old": True, "new": False}.items():
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    about = {"args": argparse.Namespace(**options)} if joint else {"args": None, "cfg": {"model": options}}
    torch.save({"model": fairseq(joint), **about}, folder / "model.pt", _use_new_zipfile_serialization=not joint)
    words = config.vocab_size - 5
    (folder / "dict.txt").write_text("".join(f"{100 + index} {words - index}\n" for index in range(words)))
ids = torch.tensor([[0, 5, 6, 39, 2], [0, 7, 2, 1, 1]])
with torch.no_grad():
    logits = model(ids, attention_mask=(ids != 1).long()).logits
(out / "expected.json").write_text(json.dumps({"ids": ids.tolist(), "logits": [round(x, 7) for x in logits.flatten().tolist()]}))
