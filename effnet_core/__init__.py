"""Build, price, run and explain any φ-scaled EfficientNet, on CPU or GPU.

`scaling`, `architecture`, `variants`, `cost`, `reconcile` and `published` import without torch;
everything that computes with tensors lies above them. Nothing here imports the app.
"""

__version__ = "0.1.0"
