"""The model of the references in this folder."""

import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(4, 3)
        self.v = nn.Linear(4, 3)
        self.o = nn.Linear(3, 4, bias=False)

    def forward(self, x):
        return x + self.o(torch.tanh(self.q(x)) * self.v(x))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        # PEFT finds the number of a layer after two names only.
        self.stack = nn.ModuleDict({"layers": nn.ModuleList([Layer() for _ in range(3)])})

    def forward(self, x):
        for layer in self.stack["layers"]:
            x = layer(x)
        return x
