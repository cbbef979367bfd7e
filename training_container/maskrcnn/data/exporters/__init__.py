"""The formats in which a data-set version is written out; a new one is a class like items.Exporter, listed here."""

from __future__ import annotations

from maskrcnn.data.exporters.coco import CocoExporter
from maskrcnn.data.exporters.items import Exporter
from maskrcnn.data.exporters.masks import MasksExporter
from maskrcnn.data.exporters.supervisely import SuperviselyExporter
from maskrcnn.data.exporters.tfrecord import TFRecordExporter

EXPORTERS: tuple[Exporter, ...] = (CocoExporter(), SuperviselyExporter(), MasksExporter(), TFRecordExporter())
