"""What a zip's entries are called: the format says neither the letters nor the slashes for sure.

Names are UTF-8 where an entry says so, otherwise in the code page of whoever packed it: cp437 by
the format, Shift-JIS on Japanese Windows (where the second byte of a letter may be a back-slash).
Old programs on Windows put back-slashes between folders. (PKWARE, APPNOTE.TXT 6.3.10, 4.4.17 and
appendix D.)
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence

_IN_UTF8 = 0x800
_JAPANESE = r"\u3005-\u3007\u3040-\u30ff\u4e00-\u9fff"
_WIDE = rf"[{_JAPANESE}\u3000-\u303f\uff01-\uff9f]+"  # with what stands between the letters


def decoded_names(infos: Sequence[zipfile.ZipInfo]) -> tuple[str, ...]:
    """The entries' names with slashes alone between folders, "/" at the end of a folder's.

    Names that do not say that they are UTF-8 are all in the first that fits of UTF-8, Shift-JIS
    and cp437. They are not yet checked.
    """
    encoding = _encoding([_raw(info) for info in infos if not info.flag_bits & _IN_UTF8])
    return tuple(
        (
            info.orig_filename
            if info.flag_bits & _IN_UTF8 or encoding == "cp437"
            else _raw(info).decode(encoding)
        ).replace("\\", "/")
        for info in infos
    )


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437")


def _encoding(names: Sequence[bytes]) -> str:
    foreign = [name for name in names if not name.isascii()]
    for encoding, fits in (("utf-8", lambda text: True), ("cp932", _is_japanese)):
        try:
            if all(fits(name.decode(encoding)) for name in foreign):
                return encoding
        except UnicodeDecodeError:
            continue
    return "cp437"


def _is_japanese(text: str) -> bool:
    """Whether a text that can be read as Shift-JIS is likely to be.

    Accented letters of cp437 with what follows them look like a Japanese letter each, within Latin
    words ("größe", "Köln").
    """
    for run in re.finditer(r"[^\x00-\x7f]+", text):
        if not re.fullmatch(_WIDE, run[0]) or not re.search(f"[{_JAPANESE}]", run[0]):
            return False
        around = text[max(0, run.start() - 1) : run.start()] + text[run.end() : run.end() + 1]
        in_a_word = any(letter.isalpha() for letter in around)
        if len(run[0]) == 1 and (in_a_word or run[0].encode("cp932")[1:].isascii()):
            return False
    return True
