"""This project beside its peers, timed in one process; run as `make bench`.

The project comes before torch, as in the app: it shortens how long torch's idle threads spin, for
all that run in torch here, and that is read when torch is first imported.
"""

import effnet_core

__all__ = ["effnet_core"]
