"""Names of the features in a TFRecord example: the TensorFlow Object Detection API schema.

Boxes are shares of width and height (0 to 1), class labels start at 1, masks are full-size 1-bit or 8-bit
grey PNGs (non-zero is the object), one an instance, an empty string where the label is a box only.
Source: tensorflow/models research/object_detection/core/standard_fields.py (TfExampleFields).
"""

HEIGHT = "image/height"
WIDTH = "image/width"
FILE_NAME = "image/filename"
SOURCE_ID = "image/source_id"  # the image's sha256
ENCODED = "image/encoded"
FORMAT = "image/format"
XMIN = "image/object/bbox/xmin"
XMAX = "image/object/bbox/xmax"
YMIN = "image/object/bbox/ymin"
YMAX = "image/object/bbox/ymax"
CLASS_LABEL = "image/object/class/label"
CLASS_TEXT = "image/object/class/text"
IS_CROWD = "image/object/is_crowd"
AREA = "image/object/area"
MASK = "image/object/mask"
