"""One host of a prepare job as a process of its own: the real program, with a folder in place of the bucket.

Usage: python host.py BUCKET_FOLDER; CASTLINE_ML_ROOT names this host's /opt/ml.
"""

from __future__ import annotations

import sys
from pathlib import Path

from maskrcnn.data import crew
from maskrcnn.local_store import LocalStore
from maskrcnn.programs import prepare

if __name__ == "__main__":
    crew.POLL_SECONDS = 0.05
    prepare.S3Store = lambda _bucket: LocalStore(Path(sys.argv[1]))
    sys.exit(prepare.main())
