"""Box head: class and refined box of a pooled proposal (tensorpack's fastrcnn_2fc_head)."""

from __future__ import annotations

import tensorflow as tf

from maskrcnn.model.config import BoxHeadConfig
from maskrcnn.model.layers import Dense, gaussian


class BoxHead(tf.Module):
    """Two fully connected layers, then class scores with background 0 and a box for each class."""

    def __init__(self, inputs: int, class_count: int, config: BoxHeadConfig) -> None:
        super().__init__()
        self.class_count = class_count
        flat = config.pool_size**2 * inputs
        self.fc6 = Dense("fastrcnn/fc6", flat, config.channels, relu=True)
        self.fc7 = Dense("fastrcnn/fc7", config.channels, config.channels, relu=True)
        self.classes = Dense("fastrcnn/outputs/class", config.channels, class_count + 1, init=gaussian(0.01))
        self.boxes = Dense("fastrcnn/outputs/box", config.channels, (class_count + 1) * 4, init=gaussian(0.001))

    def __call__(self, pooled: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[R, p, p, C] -> logits [R, classes + 1] and deltas [R, classes + 1, 4], float32."""
        flat = tf.reshape(pooled, [-1, pooled.shape[1] * pooled.shape[2] * pooled.shape[3]])
        hidden = self.fc7(self.fc6(flat))
        deltas = tf.reshape(tf.cast(self.boxes(hidden), tf.float32), [-1, self.class_count + 1, 4])
        return tf.cast(self.classes(hidden), tf.float32), deltas
