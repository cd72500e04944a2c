"""Training without a framework: optimisers, a linear head, losses with their gradients, a loop.

In: modules with `parameters` (`LSTM`, `Stack`, :class:`Linear`) and their gradients, as NumPy arrays. Out: the
weights, updated in place. Names and formulas are PyTorch's. There is no automatic differentiation: a function
of the caller's computes the loss and the gradients of a batch.

`weights` reads modules and gradients for all of them, `arrays` and `numbers` what they are made of;
`optimizer`, `sgd`, `adam` and `clip` are the steps; `linear` and `losses` what stands above an LSTM;
`training` is the loop, `epochs` what it does, `bar` its progress. It knows nothing of files, machines and the
command line.
"""

from __future__ import annotations

from bnns_lstm.optim.adam import Adam, AdamW
from bnns_lstm.optim.clip import clip_grad_norm_
from bnns_lstm.optim.epochs import Epoch
from bnns_lstm.optim.linear import Linear, LinearGradients
from bnns_lstm.optim.losses import cross_entropy, l1_loss, mse_loss
from bnns_lstm.optim.optimizer import Optimizer
from bnns_lstm.optim.sgd import SGD
from bnns_lstm.optim.training import fit, loop

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Epoch",
    "Linear",
    "LinearGradients",
    "Optimizer",
    "clip_grad_norm_",
    "cross_entropy",
    "fit",
    "l1_loss",
    "loop",
    "mse_loss",
]
