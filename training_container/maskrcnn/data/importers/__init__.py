"""The label formats Castline reads; a new one is a class like samples.Importer, listed here."""

from __future__ import annotations

from maskrcnn.data.importers.bbox_label_tool import BBoxLabelToolImporter
from maskrcnn.data.importers.coco import CocoImporter
from maskrcnn.data.importers.folders import FoldersImporter
from maskrcnn.data.importers.labelme import LabelmeImporter
from maskrcnn.data.importers.lookout import LookoutImporter
from maskrcnn.data.importers.machine_masks import MachineMasksImporter
from maskrcnn.data.importers.masks import InstanceMasksImporter, SemanticMasksImporter
from maskrcnn.data.importers.supervisely import SuperviselyImporter
from maskrcnn.data.importers.via import ViaImporter
from maskrcnn.data.importers.voc import VocImporter
from maskrcnn.data.importers.yolo import YoloImporter
from maskrcnn.data.samples import Importer

IMPORTERS: tuple[Importer, ...] = (
    SuperviselyImporter(),
    MachineMasksImporter(),
    CocoImporter(),
    LookoutImporter(),
    LabelmeImporter(),
    ViaImporter(),
    VocImporter(),
    BBoxLabelToolImporter(),
    YoloImporter(),
    InstanceMasksImporter(),
    SemanticMasksImporter(),
)
"""In the order in which they are asked: the first that takes a file for its label keeps it."""

LAST_RESORT: tuple[Importer, ...] = (FoldersImporter(),)
"""Asked about the photographs that no label mentions."""
