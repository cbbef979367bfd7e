"""Each quantisation is a .tflite that a device runs: what computes in which type, and how near the answers are."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from maskrcnn.export import litert
from maskrcnn.export.static_network import StaticNetwork
from maskrcnn.predictor import Predictor


@pytest.fixture(scope="module")
def network(model_dir):
    return StaticNetwork(Predictor.load(model_dir, "float32").model, 64, 96)


@pytest.fixture(scope="module")
def models(network, photo):
    return {kind: litert.convert(network, kind, lambda: [photo, photo[::-1]])
            for kind in ("float32", "float16", "dynamic", "int8")}


def types_by_operation(model: bytes) -> dict[str, set[str]]:
    interpreter = Interpreter(model_content=model)
    types = {tensor["index"]: tensor["dtype"].__name__ for tensor in interpreter.get_tensor_details()}
    found = defaultdict(set)
    for operation in interpreter._get_ops_details():
        found[operation["op_name"]] |= {types[index] for index in operation["outputs"]}
    return found


def answers(model: bytes, photo: np.ndarray) -> dict[str, np.ndarray]:
    return Interpreter(model_content=model).get_signature_runner("serving_default")(image=photo)


def test_int8_multiplies_in_int8_and_chooses_in_float32(models):
    types = types_by_operation(models["int8"])
    for operation in ("CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D"):
        assert types[operation] == {"int8"}, operation
    for operation in ("TOPK_V2", "NON_MAX_SUPPRESSION_V4", "GATHER", "EXP", "SOFTMAX", "ADD_N", "LOGISTIC"):
        assert types[operation] <= {"float32", "int32"}, operation
    assert not [operation for operation in types if operation.startswith("Flex")]


def test_other_quantisations_compute_in_float32(models):
    for kind in ("float32", "float16", "dynamic"):
        assert types_by_operation(models[kind])["CONV_2D"] == {"float32"}


def test_dynamic_rounds_dense_layers_and_convolutions_alone(mobile_dir):
    network = StaticNetwork(Predictor.load(mobile_dir, "float32").model, 64, 96)
    full, dynamic = (litert.convert(network, kind, list) for kind in ("float32", "dynamic"))
    interpreter = Interpreter(model_content=dynamic)
    rounded = {tensor["index"] for tensor in interpreter.get_tensor_details() if tensor["dtype"] is np.int8}
    weights = defaultdict(set)
    for operation in interpreter._get_ops_details():
        if operation["op_name"] in ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"):
            weights[operation["op_name"]].add(operation["inputs"][1])
    assert rounded == weights["CONV_2D"] | weights["FULLY_CONNECTED"], "the anchors, say, stay what they are"
    assert len(weights["DEPTHWISE_CONV_2D"]) == 17
    assert len(dynamic) < 0.6 * len(full)


def test_fewer_bits_are_fewer_bytes(models):
    sizes = {kind: len(model) for kind, model in models.items()}
    assert sizes["float16"] < 0.75 * sizes["float32"]
    assert sizes["int8"] < 0.75 * sizes["float32"]
    assert sizes["dynamic"] < 0.75 * sizes["float32"]


@pytest.mark.parametrize(("kind", "score", "pixels"), [("float32", 1e-5, 0.01), ("float16", 1e-2, 0.5)])
def test_answers_are_near_the_networks(models, network, photo, kind, score, pixels):
    expected = network.image(photo)
    answer = answers(models[kind], photo)
    np.testing.assert_allclose(answer["scores"], expected["scores"], atol=score)
    best = slice(0, 3)
    np.testing.assert_array_equal(answer["class_ids"][best], expected["class_ids"][best])
    np.testing.assert_allclose(answer["boxes"][best], expected["boxes"][best], atol=pixels)


@pytest.mark.parametrize("kind", ["dynamic", "int8"])
def test_scores_survive_eight_bits(models, network, photo, kind):
    expected, answer = network.image(photo)["scores"], answers(models[kind], photo)["scores"]
    np.testing.assert_allclose(answer, expected, atol=0.08)


def test_logits_keep_a_scale_of_their_own(models):
    """Given the score of boxes that do not count, a thousand million below all others."""
    interpreter = Interpreter(model_content=models["int8"])
    scales = [tensor["quantization"][0] for tensor in interpreter.get_tensor_details() if tensor["dtype"] is np.int8]
    assert len(scales) > 50
    assert max(scales) < 100
