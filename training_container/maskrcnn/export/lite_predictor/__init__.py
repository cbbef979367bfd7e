"""A LiteRT export on the device: image in, instances out. A folder that needs numpy, OpenCV and ai-edge-litert alone.

Example:
    predictor = LitePredictor.load(Path("exported"))
    found = predictor.predict(cv2.cvtColor(cv2.imread("photo.jpeg"), cv2.COLOR_BGR2RGB))
    print([(predictor.class_names[i - 1], score) for i, score in zip(found.class_ids, found.scores)])
"""

from .predictor import MODEL_FILE, REPORT_FILE, Found, LitePredictor
from .views import Tiling

__all__ = ["MODEL_FILE", "REPORT_FILE", "Found", "LitePredictor", "Tiling"]
