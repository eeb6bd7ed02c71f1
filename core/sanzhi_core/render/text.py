"""What text may be printed, and how wide it is."""

import unicodedata

_ZERO_WIDTH_SPACE = "\u200b"
_WIDEST_RUN = 20  # half-width units; ten ★ still stay together


def clean(text: str) -> str:
    """Text without control and format characters.

    Line ends become "\\n", tabs a space. Invisible format characters go too: bidi overrides can make a
    public list read differently from its data, and chat programs wrap copied phone numbers in them.
    """
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    kept = []
    for char in text:
        if char == "\t":
            kept.append(" ")
        elif char == "\n" or unicodedata.category(char) not in ("Cc", "Cf"):
            kept.append("\ufffd" if "\ud800" <= char <= "\udfff" else char)
    return "".join(kept)


def display_width(text: str) -> int:
    """Width of the widest line in half-width units: a Chinese character counts 2, a Latin letter 1."""
    lines = text.split("\n")
    if text.isascii():
        return max(map(len, lines))
    return max(sum(map(_char_width, line)) for line in lines)


def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WFA" else 1


def widest_word(text: str) -> int:
    """Display width of the widest run that no line may be broken in, after `breakable`."""
    widest = width = 0
    for char in text:
        stays = not char.isspace() and not _breaks_freely(char)
        width = width + _char_width(char) if stays else 0
        widest = max(widest, width, _char_width(char))
    return min(widest, _WIDEST_RUN)


def breakable(text: str) -> str:
    """Marks with U+200B where Latin runs too long for a table cell (a hash, a link) may break."""
    out: list[str] = []
    run: list[str] = []
    for char in text + " ":
        if not char.isspace() and not _breaks_freely(char):
            run.append(char)
            continue
        too_wide = sum(map(_char_width, run)) > _WIDEST_RUN
        out.append((_ZERO_WIDTH_SPACE if too_wide else "").join(run))
        out.append(char)
        run = []
    return "".join(out)[:-1]


def _breaks_freely(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"
