"""LSTM layers of Core ML's neural networks, read. Needs protobuf: `pip install bnns-lstm[coreml]`.

`reader` is the way in. `files` finds the model in a file or folder, `schema` makes the messages in it, for
which `kinds` lists the kinds of layers. `networks` knows where a model has networks and what makes a value in
one, `ways` what stands between two layers. `layer` makes a network of one layer: of its `weights`, its
`activations`, and the `states` that the network carries. Core ML itself runs on Apple's systems alone; all of
this follows the description of the format.
"""

from bnns_lstm.formats.coreml.reader import read_coreml, read_coreml_stack

__all__ = ["read_coreml", "read_coreml_stack"]
