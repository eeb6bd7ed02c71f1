"""QR codes as SVG."""

import io


def qr_svg(text: str, title: str = "", *, inline: bool = False) -> bytes:
    """A QR code (level M, quiet zone of 4 modules) as SVG; `inline` leaves out the XML declaration.

    Byte mode in UTF-8 always: the Kanji mode that the standard prefers for many Chinese characters means
    Shift-JIS, which some readers show as garbage.
    """
    import segno

    code = segno.make(text, error="m", micro=False, mode="byte", encoding="utf-8")
    out = io.BytesIO()
    code.save(
        out,
        kind="svg",
        border=4,
        light="#fff",
        title=title or None,
        xmldecl=not inline,
        svgns=not inline,
        nl=False,
        svgclass=None,
        lineclass=None,
        omitsize=True,
    )
    return out.getvalue()
