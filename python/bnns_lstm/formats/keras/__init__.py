"""Keras' LSTM layers, from files and lists of arrays, and back to lists of arrays.

`reader` is the way in, `writer` the way out, for arrays alone. `files` knows the four kinds of files, `h5` and
`attributes` what lies in HDF5, `layout` where files have the arrays of a layer. `model` reads the graph of a
model, `graph` what stands between two layers of it, `wrappers` which layers are around others. `choice` finds
the layers that are meant, `config` and `activations` know what their configurations say, `cells` and `arrays`
make networks of their arrays.
"""

from bnns_lstm.formats.keras.reader import read_keras, read_keras_stack
from bnns_lstm.formats.keras.writer import write_keras, write_keras_stack

__all__ = ["read_keras", "read_keras_stack", "write_keras", "write_keras_stack"]
