"""`python -m app.server`: serve the app until it is stopped."""

import sys

from app.server.serving import main

if __name__ == "__main__":
    sys.exit(main())
