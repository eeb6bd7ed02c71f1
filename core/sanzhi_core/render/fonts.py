"""The one font all PDFs are set in: Noto Sans CJK, Regular, from the wheel `noto-cjk-sans-otc` (OFL)."""

import importlib.util
import struct
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Any

PACKAGE = "noto_cjk_sans_otc"
FILE_NAME = "NotoSansCJK-Regular.ttc"
FAMILY = "Noto Sans CJK SC"
GETA = "〓"  # the printers' mark for a character that the fount lacks


class FontMissing(RuntimeError):
    """The font file is not installed; the message says how to get it."""


def font_path(package: str = PACKAGE) -> Path:
    """The font file inside its installed package. Raises FontMissing."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / FILE_NAME
        if path.is_file():
            return path
    raise FontMissing(
        f"The font file {FILE_NAME} is missing, so no PDF can be made. "
        "Cure: pip install noto-cjk-sans-otc==0.0.1 (it is in requirements.lock)."
    )


def missing_glyphs(text: str) -> tuple[str, ...]:
    """The characters of `text` that the font cannot show, each once, in the order they first appear."""
    starts, ends = _coverage(font_path())

    def covered(char: str) -> bool:
        at = bisect_right(starts, ord(char)) - 1
        return char == "\n" or (at >= 0 and ord(char) <= ends[at])

    return tuple(char for char in dict.fromkeys(text) if not covered(char))


@lru_cache(maxsize=1)
def _coverage(path: Path) -> tuple[list[int], list[int]]:
    """Code point ranges of the font, from its character map (OpenType `cmap`, format 12).

    All faces of the collection share one set of characters; they differ in the shapes only.
    """
    with path.open("rb") as file:

        def read(offset: int, layout: str) -> tuple[Any, ...]:
            file.seek(offset)
            values: tuple[Any, ...] = struct.unpack(layout, file.read(struct.calcsize(layout)))
            return values

        (face,) = read(12, ">I")
        (tables,) = read(face + 4, ">H")
        directory = (read(face + 12 + 16 * n, ">4sIII") for n in range(tables))
        cmap = next(offset for tag, _, offset, _ in directory if tag == b"cmap")
        (count,) = read(cmap + 2, ">H")
        for n in range(count):
            _, _, offset = read(cmap + 4 + 8 * n, ">HHI")
            if read(cmap + offset, ">H") == (12,):
                (groups,) = read(cmap + offset + 12, ">I")
                flat = read(cmap + offset + 16, f">{3 * groups}I")
                return list(flat[0::3]), list(flat[1::3])
    raise FontMissing(f"The font file {FILE_NAME} has no character map; install it again.")
