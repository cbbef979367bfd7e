"""Mask R-CNN for castings: the programs prepare, train, evaluate and serve, and the model behind them."""
