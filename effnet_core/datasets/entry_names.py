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
_TITLES = {"cp932": "Shift-JIS", "cp437": "cp437"}


def decoded_names(infos: Sequence[zipfile.ZipInfo]) -> tuple[str, ...]:
    """The entries' names with slashes alone between folders, "/" at the end of a folder's.

    Names that do not say that they are UTF-8 are all in the first that fits of UTF-8, Shift-JIS
    and cp437. They are not yet checked.
    """
    encoding = _encoding(_unsaid(infos))
    return tuple(
        (
            info.orig_filename
            if info.flag_bits & _IN_UTF8 or encoding == "cp437"
            else _raw(info).decode(encoding)
        ).replace("\\", "/")
        for info in infos
    )


def guessed_encoding(infos: Sequence[zipfile.ZipInfo]) -> str:
    """What letters beyond ASCII were taken to be written in, where nothing says it; "" for none.

    UTF-8 proves itself: text in another encoding is hardly ever valid by chance.
    """
    names = _unsaid(infos)
    return "" if all(map(bytes.isascii, names)) else _TITLES.get(_encoding(names), "")


def _unsaid(infos: Sequence[zipfile.ZipInfo]) -> list[bytes]:
    return [_raw(info) for info in infos if not info.flag_bits & _IN_UTF8]


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437")


def _encoding(names: Sequence[bytes]) -> str:
    foreign = [name for name in names if not name.isascii()]
    for encoding, fits in (("utf-8", lambda texts: True), ("cp932", _are_japanese)):
        try:
            if fits([name.decode(encoding) for name in foreign]):
                return encoding
        except UnicodeDecodeError:
            continue
    return "cp437"


def _are_japanese(texts: Sequence[str]) -> bool:
    """Whether texts that can be read as Shift-JIS are likely to be, judged all together.

    Accented letters of cp437 with what follows them look like a Japanese letter each, within Latin
    words ("größe", "Köln"). A lone letter whose second byte is ASCII may be either by itself: it is
    taken for Japanese beside one that is, or where it would otherwise leave a folder without name.
    """
    sure = False
    for text in texts:
        for run in re.finditer(r"[^\x00-\x7f]+", text):
            if not re.fullmatch(_WIDE, run[0]) or not re.search(f"[{_JAPANESE}]", run[0]):
                return False
            around = text[max(0, run.start() - 1) : run.start()] + text[run.end() : run.end() + 1]
            if len(run[0]) == 1 and any(letter.isalpha() for letter in around):
                return False
            second = run[0].encode("cp932")[1:]
            is_lone = len(run[0]) == 1 and second.isascii()
            sure |= not is_lone or (second == b"\\" and text[run.end() : run.end() + 1] == "/")
    return sure
