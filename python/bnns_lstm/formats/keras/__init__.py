"""Keras' LSTM layers, from files and lists of arrays.

`reader` is the way in; `files` knows the four kinds of files, `h5` and `attributes` what lies in HDF5, `layout`
where models keep their layers, `config` and `activations` what a layer's configuration says.
"""

from bnns_lstm.formats.keras.reader import read_keras

__all__ = ["read_keras"]
