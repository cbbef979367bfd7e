"""TFRecord shards in the TF Object Detection schema, `<split>/shard-00000.tfrecord`, and label_map.pbtxt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from app.contracts.dataset import ClassDefinition, Split
from maskrcnn.data.exporters.items import Item, put


class TFRecordExporter:
    """The shards that training reads, with the label map that the Object Detection API reads beside them."""

    name = "tfrecord"

    def write(self, target: Path, classes: Sequence[ClassDefinition], items: Mapping[Split, Iterable[Item]]) -> None:
        """See Exporter."""
        from maskrcnn.data import shards  # here, because it brings TensorFlow, which the other formats do without

        put(target / "label_map.pbtxt", label_map(classes).encode())
        ids = {c.name: c.id for c in classes}
        for split, members in items.items():
            folder = target / split
            folder.mkdir(parents=True, exist_ok=True)
            shards.write_examples((shards.encode(item.record, item.body, ids) for item in members), folder)


def label_map(classes: Sequence[ClassDefinition]) -> str:
    """StringIntLabelMap as protobuf text.

    Source: tensorflow/models research/object_detection/protos/string_int_label_map.proto.
    """
    return "".join(
        f"item {{\n  id: {c.id}\n  name: {json.dumps(c.name, ensure_ascii=False)}\n}}\n"
        for c in sorted(classes, key=lambda c: c.id)
    )
