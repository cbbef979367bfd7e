"""What the hyperparameter `augmentation` sets at once: strengths for parts that look alike from every side."""

from __future__ import annotations

NAMES = ("flip_horizontal", "flip_vertical", "quarter_turns", "rotation_degrees", "shear_degrees", "zoom", "shift",
         "brightness", "gamma", "blur", "noise", "cutout", "copy_paste")
_NONE = dict.fromkeys(NAMES, "0") | dict.fromkeys(("flip_horizontal", "flip_vertical", "quarter_turns"), "False")
_LIGHT = _NONE | {"flip_horizontal": "True", "zoom": "0.05", "shift": "0.02", "brightness": "0.1"}
_MEDIUM = _LIGHT | {"flip_vertical": "True", "quarter_turns": "True", "zoom": "0.1", "shift": "0.05",
                    "brightness": "0.2", "gamma": "0.2", "blur": "0.4", "noise": "0.01", "copy_paste": "0.25"}
_HEAVY = _MEDIUM | {"rotation_degrees": "180", "zoom": "0.2", "shift": "0.1", "brightness": "0.3", "gamma": "0.4",
                    "blur": "0.7", "noise": "0.02", "copy_paste": "0.5"}
AUGMENTATIONS = {"none": _NONE, "light": _LIGHT, "medium": _MEDIUM, "heavy": _HEAVY}
"""Own names and their values; blur and noise stay so weak that a chip of five pixels survives them."""
