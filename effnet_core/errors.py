"""The project's one family of exceptions: each message is a sentence a person can act on."""

from __future__ import annotations


class EffnetError(Exception):
    """Root of every error raised on purpose; `str(error)` is shown to people as it is."""


class InvalidInput(EffnetError, ValueError):
    """A value given by the user (φ, a name, a resolution, a spec file) is not acceptable."""


class ImageError(EffnetError):
    """Bytes that should be a picture are not one that can be used."""


class WeightsError(EffnetError):
    """Weights cannot be found, stored, verified or matched to an architecture."""


class CheckpointError(WeightsError):
    """A checkpoint file is unreadable, unsafe, or does not match its architecture."""


class DownloadError(WeightsError):
    """A download did not complete or did not match its published hash."""


class DoesNotFit(EffnetError):
    """The predicted memory exceeds what is free on the device."""


class Busy(EffnetError):
    """Too many requests wait already; the same request may succeed a little later."""


class Unreachable(Busy):
    """What is to answer cannot be reached, or does not answer any more."""


class OutOfTime(EffnetError):
    """An answer took longer than one may take here."""


class DataError(EffnetError):
    """Photos that cannot be read, or are not a data set; the message says what to change."""
