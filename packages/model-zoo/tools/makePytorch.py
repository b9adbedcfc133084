"""Writes the checkpoints of PyTorch that the tests read, and what is in them.

    python makePytorch.py OUT
"""
import argparse
import collections
import json
import pathlib
import sys

import torch

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
table = torch.randn(4, 3)
tensors = collections.OrderedDict(
    f32=torch.randn(2, 3),
    f64=torch.randn(2).double(),
    f16=torch.randn(5).half(),
    bf16=torch.randn(5).bfloat16(),
    i64=torch.tensor([[1, -2], [3, 2**40]]),
    i32=torch.tensor([7, -8], dtype=torch.int32),
    u8=torch.tensor([0, 255], dtype=torch.uint8),
    bool=torch.tensor([True, False, True]),
    scalar=torch.tensor(2.5),
    empty=torch.zeros(0, 4),
    transposed=torch.arange(6.0).view(2, 3).t(),
    stepped=torch.arange(24.0).view(2, 3, 4)[:, 1:, ::2],
    table=table,
    rows=table[1:3],
    parameter=torch.nn.Parameter(torch.randn(3)),
)
expected = {
    name: {"shape": list(tensor.shape), "values": tensor.detach().double().flatten().tolist()}
    for name, tensor in tensors.items()
}
(out / "expected.json").write_text(json.dumps(expected))
torch.save(tensors, out / "archive.bin")
torch.save(tensors, out / "stream.bin", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 3).state_dict(), out / "module.bin")
torch.save({"model": {"a": torch.ones(2)}, "args": argparse.Namespace(layers=2), "step": 3}, out / "nested.bin")
half = len(tensors) // 2
names = list(tensors)
shards = {"pytorch_model-00001-of-00002.bin": names[:half], "pytorch_model-00002-of-00002.bin": names[half:]}
for shard, held in shards.items():
    torch.save({name: tensors[name] for name in held}, out / shard)
index = {"metadata": {}, "weight_map": {name: shard for shard, held in shards.items() for name in held}}
(out / "pytorch_model.bin.index.json").write_text(json.dumps(index))
