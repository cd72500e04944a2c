"""Writes the Core ML models of this folder with coremltools, and their weights as coremltools was given them.

In: nothing. Out: `*.mlmodel`, `*.mlpackage` and `weights.npz`. `python make.py` in an environment with
coremltools; tests do not run it. Arrays of gates stand in the order of its builder: input, forget, output,
candidate.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - as everybody calls it
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder
from coremltools.models.neural_network.quantization_utils import quantize_weights

HERE = Path(__file__).parent
random = np.random.default_rng(0)
stored: dict[str, np.ndarray] = {}


def arrays(name: str, inputs: int, hidden: int, *, bias: bool = True, peep: bool = False) -> Any:
    """Random arrays of one direction, which are kept under a name."""

    def four(kind: str, *shape: int, count: int = 4) -> list[np.ndarray]:
        made = random.normal(0, 0.5, (count, *shape)).astype(np.float32)
        stored[f"{name}.{kind}"] = made
        return list(made)

    return {
        "W_h": four("W_h", hidden, hidden),
        "W_x": four("W_x", hidden, inputs),
        "b": four("b", hidden) if bias else None,
        "peep": four("peep", hidden, count=3) if peep else None,
    }


def builder(inputs: int, outputs: int) -> NeuralNetworkBuilder:
    return NeuralNetworkBuilder(
        [("x", datatypes.Array(inputs))],
        [("y", datatypes.Array(outputs))],
        disable_rank5_shape_mapping=False,
    )


def one(
    name: str, inputs: int, hidden: int, *, peep: bool = False, bias: bool = True, **words: Any
) -> Any:
    """A network of one layer forward."""
    made = builder(inputs, hidden)
    made.add_unilstm(
        "lstm",
        hidden_size=hidden,
        input_size=inputs,
        input_names=["x", "h", "c"],
        output_names=["y", "hn", "cn"],
        **arrays(name, inputs, hidden, bias=bias, peep=peep),
        **{"output_all": True, **words},
    )
    return made.spec


def pair(name: str, inputs: int, hidden: int, *, peep: bool = False, **words: Any) -> Any:
    """A network of one layer in both directions."""
    made = builder(inputs, 2 * hidden)
    ways = [arrays(f"{name}.{way}", inputs, hidden, peep=peep) for way in ("forward", "backward")]
    back = {f"{key}_back": value for key, value in ways[1].items()}
    made.add_bidirlstm(
        "lstm",
        hidden_size=hidden,
        input_size=inputs,
        input_names=["x", "h", "c", "hb", "cb"],
        output_names=["y", "hn", "cn", "hbn", "cbn"],
        **ways[0],
        **back,
        **{"output_all": True, **words},
    )
    return made.spec


def stack(name: str, *, differ: bool) -> Any:
    """Two layers, the values of the lower one copied by an identity, and a dense layer on top."""
    made = builder(3, 2)
    sizes = [(3, 4), (4, 5 if differ else 4)]
    for number, (inputs, hidden) in enumerate(sizes):
        made.add_unilstm(
            f"lstm{number}",
            hidden_size=hidden,
            input_size=inputs,
            input_names=["x" if number == 0 else "between", f"h{number}", f"c{number}"],
            output_names=[f"y{number}", f"hn{number}", f"cn{number}"],
            **arrays(f"{name}.{number}", inputs, hidden),
            output_all=number == 0,
            cell_clip_threshold=3.0,
            reverse_input=differ and number == 1,
        )
        if number == 0:
            made.add_activation("identity", "LINEAR", "y0", "between", [1.0, 0.0])
    hidden = sizes[-1][1]
    made.add_inner_product("dense", np.ones((2, hidden)), None, hidden, 2, False, "y1", "y")
    return made.spec


def converted(name: str, direction: str, *, states: bool) -> Any:
    """Two layers as the converter of coremltools writes them for `torch.nn.LSTM(batch_first=True)`."""
    ways = 2 if direction == "bidirectional" else 1
    batch, hidden = 2, 3
    given = random.normal(0, 1, (2, batch, ways * hidden)).astype(np.float32) * states
    stored[f"{name}.states"] = given

    @mb.program(input_specs=[mb.TensorSpec(shape=(batch, 4, 3))])
    def program(x: Any) -> Any:
        value = mb.transpose(x=x, perm=[1, 0, 2])
        for number in range(2):
            inputs = 3 if number == 0 else ways * hidden
            words: dict[str, Any] = {}
            for way in range(ways):
                own = arrays(f"{name}.{number}.{way}", inputs, hidden)
                end = "_back" if way else ""
                words[f"weight_ih{end}"] = np.concatenate(own["W_x"])
                words[f"weight_hh{end}"] = np.concatenate(own["W_h"])
                words[f"bias{end}"] = np.concatenate(own["b"])
            value, _, _ = mb.lstm(
                x=value,
                initial_h=given[0],
                initial_c=given[1],
                direction=direction,
                output_sequence=True,
                name=f"lstm{number}",
                **words,
            )
        return mb.transpose(x=value, perm=[1, 0, 2])

    return ct.convert(program, convert_to="neuralnetwork").get_spec()


def updatable(name: str) -> Any:
    """One layer of a model that may be trained on a device."""
    spec = one(name, 3, 4)
    spec.isUpdatable = True
    return spec


def quantized(name: str, spec: Any, bits: int, mode: str) -> Any:
    """A quantised model; what coremltools makes of its integers is kept."""
    done = quantize_weights(ct.models.MLModel(spec, skip_model_load=True), bits, mode)
    kept = spec_of(done)
    if bits < 16:
        again = ct.models.MLModel(kept, skip_model_load=True)
        undone = spec_of(quantize_weights(again, bits, "dequantization")).neuralNetwork.layers[0]
        ways = [undone.uniDirectionalLSTM.weightParams]
        if undone.HasField("biDirectionalLSTM"):
            ways = list(undone.biDirectionalLSTM.weightParams)
        for number, way in enumerate(ways):
            for field, value in way.ListFields():
                kind = f"{name}.{number}.{field.name}"
                stored[f"dequantized.{kind}"] = np.array(value.floatValue, np.float32)
    return kept


def spec_of(model: Any) -> Any:
    """The message of a model, if it is not that already."""
    return model.get_spec() if hasattr(model, "get_spec") else model


def lstm_words(name: str, ways: int, inputs: int, hidden: int) -> dict[str, Any]:
    """The weights of an operator `lstm`."""
    words: dict[str, Any] = {}
    for way in range(ways):
        own = arrays(f"{name}.{way}", inputs, hidden)
        end = "_back" if way else ""
        words[f"weight_ih{end}"] = np.concatenate(own["W_x"])
        words[f"weight_hh{end}"] = np.concatenate(own["W_h"])
        words[f"bias{end}"] = np.concatenate(own["b"])
    return words


def saved(name: str, program: Any, *, is_half: bool = False, change: Any = None) -> None:
    """Convert an ML program and save it as a folder."""
    precision = ct.precision.FLOAT16 if is_half else ct.precision.FLOAT32
    target = ct.target.iOS17 if name == "program_half" else ct.target.iOS15
    model = ct.convert(
        program, convert_to="mlprogram", compute_precision=precision, minimum_deployment_target=target,
        skip_model_load=True,
    )  # fmt: skip
    package = HERE / f"{name}.mlpackage"
    shutil.rmtree(package, ignore_errors=True)
    (model if change is None else change(model)).save(str(package))


def one_operator(name: str, sizes: tuple[int, int] = (3, 2), batch: int = 1, **words: Any) -> Any:
    """A program of one operator."""
    inputs, hidden = sizes
    ways = 2 if words.get("direction") == "bidirectional" else 1
    states = words.pop("states", np.zeros((2, batch, ways * hidden), np.float32))
    stored[f"{name}.states"] = states

    target = ct.target.iOS17 if name == "program_half" else ct.target.iOS15

    @mb.program(input_specs=[mb.TensorSpec(shape=(4, batch, inputs))], opset_version=target)
    def made(x: Any) -> Any:
        given = {"output_sequence": True, **lstm_words(name, ways, inputs, hidden), **words}
        return mb.lstm(x=x, initial_h=states[0], initial_c=states[1], name="lstm", **given)[0]

    return made


def stacked_operators(name: str, ways: int, batch: int = 2, hidden: int = 3) -> Any:
    """Two operators as coremltools has them for `torch.nn.LSTM(batch_first=True)`, and a layer on top."""
    zeros = np.zeros((batch, ways * hidden), np.float32)
    direction = "bidirectional" if ways == 2 else "forward"

    @mb.program(input_specs=[mb.TensorSpec(shape=(batch, 4, 3))])
    def made(x: Any) -> Any:
        value = mb.transpose(x=x, perm=[1, 0, 2])
        for number in range(2):
            words = lstm_words(
                f"{name}.{number}", ways, 3 if number == 0 else ways * hidden, hidden
            )
            value = mb.lstm(
                x=value,
                initial_h=zeros,
                initial_c=zeros,
                direction=direction,
                output_sequence=True,
                name=f"lstm{number}",
                **words,
            )[0]
        value = mb.transpose(x=value, perm=[1, 0, 2])
        return mb.linear(x=value, weight=np.ones((2, ways * hidden), np.float32), name="dense")

    return made


def programs() -> None:
    """Write the ML programs."""
    optimize = ct.optimize.coreml
    linear = optimize.OptimizationConfig(optimize.OpLinearQuantizerConfig(weight_threshold=0))
    saved("program", one_operator("program"))
    saved("program_stack", stacked_operators("program_stack", 1))
    saved("program_casts", stacked_operators("program_casts", 2), is_half=True)
    states = random.normal(0, 1, (2, 2, 6)).astype(np.float32)
    half = one_operator("program_half", (3, 3), 2, direction="bidirectional", states=states)
    saved("program_half", half, is_half=True)
    final = one_operator("program_final", direction="reverse", output_sequence=False)
    saved("program_final", final)
    functions = {
        "recurrent_activation": "linear",
        "cell_activation": "relu",
        "activation": "sigmoid",
    }
    saved("program_functions", one_operator("program_functions", **functions))
    peephole = np.ones(6, np.float32)
    refused = one_operator(
        "program_refused",
        clip=np.float32(3),
        peephole=peephole,
        direction="reverse",
        recurrent_activation="hard_sigmoid",
    )
    saved("program_refused", refused)
    saved(
        "program_quantized", one_operator("program_quantized"),
        change=lambda model: optimize.linear_quantize_weights(model, linear),
    )  # fmt: skip


def main() -> None:
    """Write everything."""
    functions = {
        "inner_activation": "SIGMOID_HARD",
        "cell_state_update_activation": "SCALED_TANH",
        "output_activation": "RELU",
    }
    specs = {
        "one": one("one", 3, 4, cell_clip_threshold=0.25),
        "default_clip": one("default_clip", 3, 4, cell_clip_threshold=0.0),
        "peepholes": one("peepholes", 3, 4, peep=True, forget_bias=True, cell_clip_threshold=1.5),
        "coupled": one(
            "coupled", 3, 4, peep=True, coupled_input_forget_gate=True, forget_bias=True
        ),
        "without_bias": one("without_bias", 2, 3, bias=False, inner_activation="LINEAR"),
        "functions": one("functions", 3, 4, **functions),
        "final_reverse": one("final_reverse", 3, 4, output_all=False, reverse_input=True),
        "all_reverse": one("all_reverse", 3, 4, output_all=True, reverse_input=True),
        "pair": pair("pair", 3, 4, peep=True, cell_clip_threshold=0.5),
        "pair_final": pair("pair_final", 2, 3, output_all=False, coupled_input_forget_gate=True),
        "stack": stack("stack", differ=False),
        "differing": stack("differing", differ=True),
        "converted": converted("converted", "forward", states=False),
        "converted_pair": converted("converted_pair", "bidirectional", states=True),
        "updatable": updatable("updatable"),
        "half": quantized("half", one("half", 3, 4), 16, "linear"),
        "linear8": quantized("linear8", one("linear8", 3, 4), 8, "linear"),
        "linear3": quantized("linear3", one("linear3", 3, 4, peep=True), 3, "linear"),
        "symmetric8": quantized("symmetric8", pair("symmetric8", 3, 4), 8, "linear_symmetric"),
        "table2": quantized("table2", one("table2", 3, 4), 2, "linear_lut"),
    }
    for name, spec in specs.items():
        ct.utils.save_spec(spec_of(spec), str(HERE / f"{name}.mlmodel"))
    package = HERE / "package.mlpackage"
    shutil.rmtree(package, ignore_errors=True)
    ct.models.MLModel(specs["one"], skip_model_load=True).save(str(package))
    programs()
    np.savez_compressed(HERE / "weights.npz", **stored)
    print(f"written with coremltools {ct.__version__}")


if __name__ == "__main__":
    main()
