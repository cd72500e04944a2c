"""LSTM nodes of ONNX models, read and written. Needs the package `onnx`: `pip install bnns-lstm[onnx]`.

`reader` and `writer` are the ways in and out. `tensors` knows the numbers in a file, `supplied` those of the
caller, `functions` local functions, `graph` where values come from, `ops` the operators between constants and
their use, `nodes` which nodes are LSTMs, `chain` which of them form a stack: `joins` compares what `flow` finds
by carrying out the graph between two nodes (`steps`, `arithmetic`, `values`, `sources`), and `ways` finds what
depends on what. `node` makes a network of one node: of its `attributes`, its `inputs`, for which `quantized`
undoes quantisation, and the states and lengths that are `carried`; `shapes` (by `shape_rules`) and `kinds` say
what is known before anything runs.
`activations` knows ONNX' names of functions.
"""

from bnns_lstm.formats.onnx.reader import read_onnx, read_onnx_stack
from bnns_lstm.formats.onnx.writer import write_onnx, write_onnx_stack

__all__ = ["read_onnx", "read_onnx_stack", "write_onnx", "write_onnx_stack"]
