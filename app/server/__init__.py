"""The server that the pages are served by: `serve` starts it, as `python -m app.server` does."""

from app.server.serving import serve

__all__ = ["serve"]
