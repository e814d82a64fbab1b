"""Build, price, run and explain any φ-scaled EfficientNet, on CPU or GPU.

`scaling`, `architecture`, `variants`, `cost`, `reconcile` and `published` import without torch;
everything that computes with tensors lies above them. Nothing here imports the app.
"""

import os

# How long torch's idle threads spin before they sleep; read when torch is first imported. GNU's
# default is some 4 ms, in which ONNX Runtime's pass of 7 ms takes 13 on two cores; torch's own
# passes cost the same. Whoever sets a policy keeps it.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"
