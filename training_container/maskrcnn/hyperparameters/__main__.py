"""Print docs/hyperparameters.md."""

from __future__ import annotations

import sys

from maskrcnn.hyperparameters.page import page

sys.stdout.write(page())
