"""LSTM layers of Core ML's neural networks and ML programs, read. Needs the extra `coreml`.

`reader` is the way in. `files` finds the model in a file or folder, `schema` makes the messages in it, for
which `kinds` lists the kinds of layers and `program_messages` what programs are made of. `networks` knows
where a model has networks, and `programs` makes networks of programs; both have `steps`, and `ways` knows what
stands between two of them.

`layer` makes a network of one layer of a neural network's layer: of its `weights`, its `activations`, and the
`states` that the network carries. `operator` does so for an operator of a program: of its `operator_words` and
`operator_arrays`, for which `values` reads constants. Core ML itself runs on Apple's systems alone; all of
this follows what Apple publishes with coremltools.
"""

from bnns_lstm.formats.coreml.reader import read_coreml, read_coreml_stack

__all__ = ["read_coreml", "read_coreml_stack"]
