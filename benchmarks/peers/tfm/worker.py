"""tf-models-official's maskrcnn_resnetfpn: training step, or inference as its own exporter builds it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import exp_factory
from official.vision import registry_imports  # noqa: F401  (registers the experiment)
from official.vision.dataloaders import maskrcnn_input
from official.vision.ops import mask_ops
from official.vision.serving import detection
from official.vision.tasks import maskrcnn

from benchmarks import scenes, worker

PADDED_OBJECTS, MASK_CROP = 100, 112  # its own defaults


def build(spec: dict[str, Any]) -> worker.Work:
    """Specification: mode (train or infer), size, batch, dtype, head (default or 2fc), detections."""
    tf.config.threading.set_intra_op_parallelism_threads(spec["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(spec["threads"])
    tf.random.set_seed(0)
    if spec["dtype"] == "bfloat16":
        tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    experiment = exp_factory.get_exp_config("maskrcnn_resnetfpn_coco")
    model = experiment.task.model
    experiment.task.init_checkpoint = None
    model.num_classes = 1 + scenes.CLASSES
    model.input_size = [spec["size"], spec["size"], 3]
    model.norm_activation.use_sync_bn = False  # one device
    model.detection_generator.max_num_detections = spec.get("detections", 100)
    if spec["head"] == "2fc":
        model.detection_head.num_convs, model.detection_head.num_fcs = 0, 2
    work: worker.Work = (_training if spec["mode"] == "train" else _inference)(experiment, spec)
    return work


def _training(experiment: Any, spec: dict[str, Any]) -> Any:
    """Its own train_step; it labels the anchors in the input pipeline, which is not measured here."""
    task = maskrcnn.MaskRCNNTask(experiment.task)
    model = task.build_model()
    optimizer = tf_keras.optimizers.SGD(1e-6, momentum=0.9)
    parsed = [_parsed(experiment.task.model, spec, seed) for seed in range(spec["batch"])]
    images = tf.stack([image for image, _ in parsed])
    labels = tf.nest.map_structure(lambda *parts: tf.stack(parts), *[label for _, label in parsed])

    @tf.function
    def step(images: Any, labels: Any) -> Any:
        return task.train_step((images, labels), model, optimizer)[task.loss]

    masks = experiment.task.model.mask_sampler.num_sampled_masks
    return lambda: {"loss": float(step(images, labels)), "masks": masks}


def _parsed(model: Any, spec: dict[str, Any], seed: int) -> Any:
    size, scene = spec["size"], scenes.make(spec["size"], seed)
    parser = maskrcnn_input.Parser(
        output_size=[size, size], min_level=model.min_level, max_level=model.max_level,
        num_scales=model.anchor.num_scales, aspect_ratios=model.anchor.aspect_ratios,
        anchor_size=model.anchor.anchor_size, max_num_instances=PADDED_OBJECTS, include_mask=True,
        mask_crop_size=MASK_CROP, dtype=spec["dtype"])
    return parser._parse_train_data({
        "image": tf.constant(scene.image), "source_id": tf.constant(str(seed)),
        "height": tf.constant(size), "width": tf.constant(size),
        "groundtruth_classes": tf.constant(scene.class_ids, tf.int64),
        "groundtruth_boxes": tf.constant(scene.boxes[:, [1, 0, 3, 2]] / size),
        "groundtruth_is_crowd": tf.zeros([scenes.OBJECTS], tf.bool),
        "groundtruth_area": tf.constant(scene.masks.sum((1, 2)), tf.float32),
        "groundtruth_instance_masks": tf.constant(scene.masks, tf.float32)})


def _inference(experiment: Any, spec: dict[str, Any]) -> Any:
    """The exported signature, then its own pasting of the masks, which its evaluation does in NumPy."""
    size = spec["size"]
    module = detection.DetectionModule(params=experiment, batch_size=1, input_image_size=[size, size],
                                       input_type="image_tensor")
    detect = module.get_inference_signatures({"image_tensor": "serving_default"})["serving_default"]
    image = tf.constant(scenes.make(size, 0).image[None])

    def sample() -> dict[str, float]:
        began = time.perf_counter()
        found = {name: value.numpy() for name, value in detect(image).items()}
        network_seconds = time.perf_counter() - began
        count = int(found["num_detections"][0])
        y1, x1, y2, x2 = found["detection_boxes"][0, :count].astype(np.float32).T
        boxes = np.stack([x1, y1, x2 - x1, y2 - y1], 1)
        mask_ops.paste_instance_masks(found["detection_masks"][0, :count].astype(np.float32), boxes, size, size)
        return {"network_seconds": network_seconds, "detections": count}

    return sample


if __name__ == "__main__":
    worker.serve(build)
