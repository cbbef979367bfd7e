"""The label formats Castline reads; a new one is a class like samples.Importer, listed here."""

from __future__ import annotations

from maskrcnn.data.importers.coco import CocoImporter
from maskrcnn.data.importers.supervisely import SuperviselyImporter
from maskrcnn.data.samples import Importer

IMPORTERS: tuple[Importer, ...] = (SuperviselyImporter(), CocoImporter())
