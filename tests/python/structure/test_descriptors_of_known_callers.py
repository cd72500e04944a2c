"""Descriptors as they exist in the wild."""

from __future__ import annotations

import bnns_lstm as bl
import numpy as np
import pytest
from build import assert_close, random_layer, run
from gradients import odd_cache
from reference import GATES, forward

LAYOUTS = bl.DataLayout
Desc = bl.NDArrayDescriptor


def plain_layer(**fixed: object):
    return random_layer(
        6, num_layers=1, directions=1, peephole=None, lengths=False, any_activation=False,
        bias=True, h0=True, c0=True, **fixed,
    )  # fmt: skip


def test_a_frameworks_back_end() -> None:
    """Matrix layouts everywhere, states as RowMajorMatrix (H, N), absent descriptors all zero."""
    layer = plain_layer(batch=3, seq_len=4, input_size=2, hidden_size=5)
    s, n, i, h = 4, 3, 2, 5
    arrays = layer.arrays

    def gate(name: str) -> bl.LSTMGateDescriptor:
        return bl.LSTMGateDescriptor(
            iw_desc=(
                Desc(arrays[f"{name}.iw0"].ravel(), layout=LAYOUTS.ROW_MAJOR_MATRIX, size=(i, h)),
                Desc(layout=0, size=(0,) * 8, stride=(0,) * 8, data_type=0),
            ),
            hw_desc=Desc(
                arrays[f"{name}.hw"].ravel(), layout=LAYOUTS.ROW_MAJOR_MATRIX, size=(h, h)
            ),
            cw_desc=Desc(layout=0, size=(0,) * 8, stride=(0,) * 8, data_type=0),
            b_desc=Desc(arrays[f"{name}.b"].ravel(), layout=LAYOUTS.VECTOR, size=(h,)),
            activation=bl.Activation.identity(),
        )

    def state(values: np.ndarray) -> Desc:
        return Desc(values.ravel(), layout=LAYOUTS.ROW_MAJOR_MATRIX, size=(h, n))

    y, hn, cn = np.empty(s * n * h, "f4"), np.empty(n * h, "f4"), np.empty(n * h, "f4")
    params = bl.LayerParametersLSTM(
        i, h, n, 1, s, 0.0, bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS,
        Desc(layout=0, size=(0,) * 8, data_type=0),
        bl.LSTMDataDescriptor(
            Desc(arrays["x"].ravel(), layout=LAYOUTS.SNE, size=(i, n, s)),
            state(arrays["h0"]), state(arrays["c0"]),
        ),
        bl.LSTMDataDescriptor(Desc(y, layout=LAYOUTS.SNE, size=(h, n, s)), state(hn), state(cn)),
        *(gate(name) for name in GATES),
        bl.Activation.tanh(),
    )  # fmt: skip
    cache = odd_cache(bl.compute_lstm_training_cache_capacity(params))
    for given in (None, cache):
        for array in (y, hn, cn):
            array.fill(np.nan)
        bl.direct_apply_lstm_batch_training_caching(params, None, given)
        for found, wanted in zip((y, hn, cn), forward(layer), strict=True):
            assert_close(found, wanted.ravel(), 1e-5)


@pytest.mark.parametrize("with_states", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_apples_own_private_framework(with_states: bool, with_bias: bool) -> None:
    """Absent descriptors for what is optional; explicit activations; all three outputs."""
    layer = plain_layer(batch=2, seq_len=3)
    if not with_states:
        del layer.arrays["h0"], layer.arrays["c0"]
    if not with_bias:
        for gate in GATES:
            del layer.arrays[f"{gate}.b"]
    for found, wanted in zip(run(layer), forward(layer), strict=True):
        assert_close(found, wanted, 1e-5)


def test_a_bindings_hardware_test() -> None:
    """Every size 1, one descriptor in both iw slots, one zero for all other weights."""
    one = {"layout": LAYOUTS.ROW_MAJOR_MATRIX, "size": (1, 1)}
    zero = np.zeros(1, "f4")
    shared = Desc(zero, **one)
    gates = [
        bl.LSTMGateDescriptor(
            (iw := Desc(np.full(1, weight, "f4"), **one), iw), shared, shared, shared, activation
        )
        for weight, activation in [
            (0.5, bl.Activation.sigmoid()), (0.25, bl.Activation.sigmoid()),
            (2.0, bl.Activation.tanh()), (1.0, bl.Activation.sigmoid()),
        ]
    ]  # fmt: skip
    four = {"layout": LAYOUTS.FIRST_MAJOR_4D, "size": (1, 1, 1, 1)}
    outputs = [np.full(1, np.nan, "f4") for _ in range(3)]
    data = {"layout": LAYOUTS.SNE, "size": (1, 1, 1)}
    params = bl.LayerParametersLSTM(
        1, 1, 1, 1, 1, 0.0, 0, Desc(None, layout=LAYOUTS.VECTOR, size=(0,)),
        bl.LSTMDataDescriptor(
            Desc(np.full(1, 0.75, "f4"), **data), Desc(np.full(1, 0.1, "f4"), **four),
            Desc(np.full(1, 0.2, "f4"), **four),
        ),
        bl.LSTMDataDescriptor(
            Desc(outputs[0], **data), Desc(outputs[1], **four), Desc(outputs[2], **four)
        ),
        *gates,
        bl.Activation.tanh(),
    )  # fmt: skip

    def sigmoid(z: float) -> float:
        return 1 / (1 + np.exp(-z))

    i, f, g, o = sigmoid(0.5 * 0.75), sigmoid(0.25 * 0.75), np.tanh(2 * 0.75), sigmoid(0.75)
    c = f * 0.2 + i * g
    h = o * np.tanh(c)
    cache = np.zeros(bl.compute_lstm_training_cache_capacity(params), np.uint8)
    for given in (None, cache):
        for array in outputs:
            array.fill(np.nan)
        bl.direct_apply_lstm_batch_training_caching(params, None, given)
        assert_close(np.concatenate(outputs), np.array([h, h, c]), 1e-6)
    with pytest.raises(bl.CacheError, match="cache_too_small"):
        bl.direct_apply_lstm_batch_training_caching(params, None, cache[:-1])

    # The sum of the output and the new cell state, by hand: each gate's slope times its input.
    d_cell = o * (1 - np.tanh(c) ** 2) + 1
    d_gates = {
        "input": d_cell * g * i * (1 - i),
        "forget": d_cell * 0.2 * f * (1 - f),
        "candidate": d_cell * i * (1 - g**2),
        "output": np.tanh(c) * o * (1 - o),
    }
    weights = dict(zip(GATES, (0.5, 0.25, 2.0, 1.0), strict=True))
    d_x = sum(d_gates[name] * weight for name, weight in weights.items())
    unit = np.ones(1, "f4")
    for given in (None, cache):
        room = {name: [np.full(1, np.nan, "f4") for _ in range(4)] for name in GATES}
        d_inputs = [np.full(1, np.nan, "f4") for _ in range(3)]
        delta = bl.LayerParametersLSTM(
            1, 1, 1, 1, 1, 0.0, 0, Desc(),
            bl.LSTMDataDescriptor(
                Desc(d_inputs[0], **data), Desc(d_inputs[1], **four), Desc(d_inputs[2], **four)
            ),
            bl.LSTMDataDescriptor(Desc(unit, **data), None, Desc(unit, **four)),
            *(
                bl.LSTMGateDescriptor(*(Desc(array, **one) for array in arrays[:3]), arrays[3])
                for arrays in room.values()
            ),
        )  # fmt: skip
        bl.direct_apply_lstm_batch_backward(params, delta, None, given)
        assert_close(np.concatenate(d_inputs), np.array([d_x, 0, d_cell * f]), 1e-6)
        for name, arrays in room.items():
            seen = c if name == "output" else 0.2
            wanted = d_gates[name] * np.array([0.75, 0.1, seen, 1])
            assert_close(np.concatenate(arrays), wanted, 1e-6, name)
    with pytest.raises(bl.CacheError, match="cache_too_small"):
        bl.direct_apply_lstm_batch_backward(params, delta, None, cache[:-1])

    # What is read may be one zero for all gates; what is written may not, unlike in Apple's library.
    zero_for_all = np.zeros(1, "f4")
    for name in GATES:
        getattr(delta, f"{name}_gate").hw_desc = Desc(zero_for_all, **one)
    with pytest.raises(bl.DescriptorError) as caught:
        bl.direct_apply_lstm_batch_backward(params, delta, None, cache)
    # Each gate with each one before it.
    assert [(issue.path, issue.code) for issue in caught.value.issues] == [
        (f"delta_params.{name}_gate.hw_desc.data", "overlap")
        for later, name in enumerate(GATES)
        for _ in range(later)
    ]
    assert zero_for_all == 0


def test_apples_example() -> None:
    """One descriptor in both iw slots, the default-activations flag with an identity hidden activation."""
    layer = plain_layer(batch=2, seq_len=3, input_size=5, hidden_size=5)
    wanted = forward(layer)[0]
    y = np.empty(wanted.shape, "f4")
    gates = {
        f"{name}_gate": bl.LSTMGateDescriptor(
            (layer.arrays[f"{name}.iw0"],) * 2,
            layer.arrays[f"{name}.hw"],
            b_desc=layer.arrays[f"{name}.b"],
        )
        for name in GATES
    }
    params = bl.LayerParametersLSTM(
        5, 5, 2, 1, 3,
        lstm_flags=bl.LayerFlags.LSTM_DEFAULT_ACTIVATIONS,
        sequence_descriptor=Desc(),
        input_descriptor=bl.LSTMDataDescriptor(*(layer.arrays[name] for name in ("x", "h0", "c0"))),
        output_descriptor=bl.LSTMDataDescriptor(y),
        hidden_activation=bl.Activation.identity(),
        **gates,
    )  # fmt: skip
    for given in (None, odd_cache(bl.compute_lstm_training_cache_capacity(params))):
        y.fill(np.nan)
        bl.direct_apply_lstm_batch_training_caching(params, None, given)
        assert_close(y, wanted, 1e-5)
