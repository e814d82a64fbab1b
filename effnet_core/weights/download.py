"""One file over HTTP(S), checked while it streams, placed whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from effnet_core.errors import DownloadError, InvalidInput, WeightsError
from effnet_core.files import placing, readable_size

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) after every piece."""

TIMEOUT_S = 30.0
_PIECE = 2**18
# The published size is rounded; anything clearly longer is not the published file.
_SIZE_TOLERANCE = 2**20


def mirrored(url: str) -> str:
    """`url`, or the same file name under EFFNET_WEIGHTS_MIRROR where that is set.

    Raises InvalidInput if the mirror is not an http(s) address.
    """
    mirror = os.environ.get("EFFNET_WEIGHTS_MIRROR", "").strip()
    if not mirror:
        return url
    if urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).netloc:
        raise InvalidInput(
            "EFFNET_WEIGHTS_MIRROR must be an address such as https://host/folder; got "
            f"{mirror!r:.200}."
        )
    return f"{mirror.rstrip('/')}/{url.rsplit('/', 1)[1]}"


def fetch(
    url: str,
    target: Path,
    *,
    size_bytes: int,
    hash_prefix: str,
    progress: Progress | None = None,
) -> str:
    """Download `url` to `target` and return the file's SHA-256.

    The file appears only when it is complete and its hash begins with `hash_prefix`; a failure
    leaves nothing behind. Raises DownloadError (not enough space, no network, time-out, HTTP error,
    cut connection, other content than published) or WeightsError (the disk cannot be written).
    """
    _require_space(target.parent, size_bytes)
    digest, done = hashlib.sha256(), 0
    with placing(target) as file:
        for piece, total in _stream(url, size_bytes):
            file.write(piece)
            digest.update(piece)
            done += len(piece)
            if progress is not None:
                progress(done, total)
        if not digest.hexdigest().startswith(hash_prefix):
            raise DownloadError(
                f"What {_host(url)} sent as {_name(url)} is not the published file (its SHA-256 "
                f"begins with {digest.hexdigest()[:8]}, not {hash_prefix}); nothing was kept, try "
                "again or check EFFNET_WEIGHTS_MIRROR."
            )
    return digest.hexdigest()


def _stream(url: str, size_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Yield (piece, total bytes announced); every network failure leaves as a DownloadError."""
    done = 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            announced = response.length  # None where the server does not say
            total = size_bytes if announced is None else announced
            while piece := response.read(_PIECE):
                done += len(piece)
                if done > size_bytes + _SIZE_TOLERANCE:
                    raise DownloadError(
                        f"{_host(url)} sends more than the {readable_size(size_bytes)} published "
                        f"for {_name(url)}; nothing was kept, check EFFNET_WEIGHTS_MIRROR."
                    )
                yield piece, total
    except (OSError, http.client.HTTPException) as error:
        raise _network_error(error, url, done) from error
    if done < (announced or 0):
        raise _cut(url, done)


def _network_error(error: Exception, url: str, done: int) -> DownloadError:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(error, urllib.error.HTTPError):
        advice = (
            "check EFFNET_WEIGHTS_MIRROR" if error.code in (403, 404, 410) else "try again later"
        )
        return DownloadError(
            f"{_host(url)} has not given {_name(url)} (HTTP {error.code} {error.reason}); {advice}."
        )
    if isinstance(reason, TimeoutError):
        return DownloadError(
            f"{_host(url)} has stopped answering while {_name(url)} was downloading; nothing was "
            "kept, try again."
        )
    if done or isinstance(reason, http.client.HTTPException | ConnectionResetError):
        return _cut(url, done)
    return DownloadError(
        f"There is no connection to {_host(url)} ({reason}); go online, name a reachable server in "
        "EFFNET_WEIGHTS_MIRROR, or bring the file and run `effnet weights import FILE`."
    )


def _cut(url: str, done: int) -> DownloadError:
    return DownloadError(
        f"The connection to {_host(url)} broke after {readable_size(done)} of {_name(url)}; "
        "nothing was kept, try again."
    )


def _require_space(folder: Path, size_bytes: int) -> None:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < size_bytes:
        raise WeightsError(
            f"The download needs {readable_size(size_bytes)} but the disk that holds {folder} has "
            f"{readable_size(free)} free; free some space, or choose another place with "
            "EFFNET_CACHE."
        )


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _name(url: str) -> str:
    return url.rsplit("/", 1)[1]
