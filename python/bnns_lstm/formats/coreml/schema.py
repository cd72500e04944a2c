"""The messages of Core ML's model files, as far as they are read, made when they are needed.

In: nothing. Out: the class of the message `Model`. Source of numbers, names and types: the description of the
format that Apple publishes with coremltools (Model.proto, NeuralNetwork.proto). Fields whose contents are
never read are bytes, which look the same in a file as messages do. What they mean is not known here. Needs the
package `protobuf`: `pip install bnns-lstm[coreml]`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from bnns_lstm.formats.coreml.kinds import KINDS
from bnns_lstm.formats.coreml.program_messages import PROGRAMS
from bnns_lstm.formats.extras import need

__all__ = ["model_class", "unknown_in"]

# For each message its fields: number, name and type; `*` for many. The type `bytes` also stands for messages
# that are not read. Of the fields after a `|`, one is there at most.
MESSAGES = {
    "Model": (
        "1 specificationVersion int32, 2 description bytes, 10 isUpdatable bool | 200 pipelineClassifier "
        "Pipelined, 201 pipelineRegressor Pipelined, 202 pipeline Pipeline, 300 glmRegressor bytes, 301 "
        "supportVectorRegressor bytes, 302 treeEnsembleRegressor bytes, 303 neuralNetworkRegressor "
        "Network, 304 bayesianProbitRegressor bytes, 400 glmClassifier bytes, 401 supportVectorClassifier "
        "bytes, 402 treeEnsembleClassifier bytes, 403 neuralNetworkClassifier Network, 404 "
        "kNearestNeighborsClassifier bytes, 500 neuralNetwork Network, 501 itemSimilarityRecommender "
        "bytes, 502 mlProgram Program, 555 customModel bytes, 556 linkedModel bytes, 560 "
        "classConfidenceThresholding bytes, 600 oneHotEncoder bytes, 601 imputer bytes, 602 "
        "featureVectorizer bytes, 603 dictVectorizer bytes, 604 scaler bytes, 606 categoricalMapping "
        "bytes, 607 normalizer bytes, 609 arrayFeatureExtractor bytes, 610 nonMaximumSuppression bytes, "
        "900 identity bytes, 2000 textClassifier bytes, 2001 wordTagger bytes, 2002 visionFeaturePrint "
        "bytes, 2003 soundAnalysisPreprocessing bytes, 2004 gazetteer bytes, 2005 wordEmbedding bytes, "
        "2006 audioFeaturePrint bytes, 3000 serializedModel bytes"
    ),
    "Pipelined": "1 pipeline Pipeline",
    "Pipeline": "1 models Model*, 2 names string*",
    "Network": "1 layers Layer*",
    "Layer": (
        "1 name string, 2 input string*, 3 output string*, 4 inputTensor bytes*, 5 outputTensor bytes*, "
        "10 isUpdatable bool | " + ", ".join(f"{number} {name} {kind}" for name, number, kind in KINDS)
    ),
    "Branch": "1 ifBranch Network, 2 elseBranch Network",
    "Loop": "3 conditionNetwork Network, 4 bodyNetwork Network",
    "Constant": "1 shape uint64*, 2 data Weights",
    "Fill": "1 value float, 2 targetShape uint64*",
    "Squeeze": "1 axes int64*, 2 squeezeAll bool",
    "ExpandDims": "1 axes int64*",
    "Transpose": "1 axes uint64*",
    "Split": "1 axis int64, 2 numSplits uint64, 3 splitSizes uint64*",
    "Activation": (
        "| 5 linear TwoNumbers, 10 ReLU bytes, 15 leakyReLU bytes, 20 thresholdedReLU bytes, 25 PReLU bytes, "
        "30 tanh bytes, 31 scaledTanh TwoNumbers, 40 sigmoid bytes, 41 sigmoidHard TwoNumbers, 50 ELU bytes, "
        "60 softsign bytes, 70 softplus bytes, 71 parametricSoftplus bytes"
    ),
    "TwoNumbers": "1 alpha float, 2 beta float",
    "OneWay": (
        "1 inputVectorSize uint64, 2 outputVectorSize uint64, 10 activations Activation*, 15 params Params, "
        "20 weightParams LSTMWeights, 100 reverseInput bool"
    ),
    "BothWays": (
        "1 inputVectorSize uint64, 2 outputVectorSize uint64, 10 activationsForwardLSTM Activation*, "
        "11 activationsBackwardLSTM Activation*, 15 params Params, 20 weightParams LSTMWeights*"
    ),
    "Params": (
        "10 sequenceOutput bool, 20 hasBiasVectors bool, 30 forgetBias bool, 40 hasPeepholeVectors bool, "
        "50 coupledInputAndForgetGate bool, 60 cellClipThreshold float"
    ),
    "LSTMWeights": (
        "1 inputGateWeightMatrix Weights, 2 forgetGateWeightMatrix Weights, 3 blockInputWeightMatrix "
        "Weights, 4 outputGateWeightMatrix Weights, 20 inputGateRecursionMatrix Weights, 21 "
        "forgetGateRecursionMatrix Weights, 22 blockInputRecursionMatrix Weights, 23 "
        "outputGateRecursionMatrix Weights, 40 inputGateBiasVector Weights, 41 forgetGateBiasVector "
        "Weights, 42 blockInputBiasVector Weights, 43 outputGateBiasVector Weights, 60 "
        "inputGatePeepholeVector Weights, 61 forgetGatePeepholeVector Weights, 62 "
        "outputGatePeepholeVector Weights"
    ),
    "Weights": (
        "1 floatValue float*, 2 float16Value bytes, 30 rawValue bytes, 31 int8RawValue bytes, "
        "40 quantization Quantization, 50 isUpdatable bool"
    ),
    "Quantization": "1 numberOfBits uint64 | 101 linearQuantization Linear, 102 lookupTableQuantization Table",
    "Linear": "1 scale float*, 2 bias float*",
    "Table": "1 floatValue float*",
    **PROGRAMS,
}  # fmt: skip
# Numbers of types in google/protobuf/descriptor.proto.
TYPES = {"float": 2, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12}
MESSAGE, OPTIONAL, REPEATED = 11, 1, 3
PACKAGE = "bnns_lstm_coreml"


def model_class() -> Any:
    """The class of the message `Model`.

    Raises:
        ExtraError: If the package `protobuf` is not installed.
    """
    factory = need("google.protobuf.message_factory", "coreml", "protobuf")
    return factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.Model"))


@cache
def _pool() -> Any:
    """The messages, in a pool of our own: coremltools may be in the same process and has others."""
    descriptors = need("google.protobuf.descriptor_pb2", "coreml", "protobuf")
    pools = need("google.protobuf.descriptor_pool", "coreml", "protobuf")
    file = descriptors.FileDescriptorProto(
        name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto3"
    )
    for name, text in MESSAGES.items():
        _describe(file.message_type.add(name=name), text)
    pool = pools.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _describe(message: Any, text: str) -> None:
    """Add the fields of a message to its description."""
    several, _, one_of = text.partition("|")
    if one_of:
        message.oneof_decl.add(name="kind")
    for part, is_choice in ((several, False), (one_of, True)):
        for words in filter(None, map(str.split, part.split(","))):
            number, name, kind = words
            plain = kind.rstrip("*")
            field = message.field.add(name=name, number=int(number))
            field.label = OPTIONAL if kind == plain else REPEATED
            field.type = TYPES.get(plain, MESSAGE)
            if plain not in TYPES:
                field.type_name = f".{PACKAGE}.{plain}"
            if is_choice:
                field.oneof_index = 0


def unknown_in(message: Any) -> list[int]:
    """The numbers of fields of a message, and of the messages in it, that are not known here."""
    fields_of = need("google.protobuf.unknown_fields", "coreml", "protobuf").UnknownFieldSet
    found: set[int] = set()
    waiting = [message]
    while waiting:
        one = waiting.pop()
        found |= {field.field_number for field in fields_of(one)}
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting += list(value) if hasattr(value, "append") else [value]
    return sorted(found)
