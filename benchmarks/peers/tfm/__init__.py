"""tf-models-official (TensorFlow Model Garden), maskrcnn_resnetfpn."""
