"""`python -m effnet_core.cli` is `effnet`."""

from __future__ import annotations

import sys

from effnet_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
