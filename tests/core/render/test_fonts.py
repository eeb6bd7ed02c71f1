import sys
from pathlib import Path

import pytest

from sanzhi_core.render import FontMissing
from sanzhi_core.render.fonts import FAMILY, font_path, missing_glyphs


def test_the_font_file_is_found_without_importing_its_package() -> None:
    path = font_path()
    assert path.is_file()
    assert path.read_bytes()[:4] == b"ttcf"


def test_missing_font_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FontMissing, match="pip install noto-cjk-sans-otc"):
        font_path("no_such_font_package")
    (tmp_path / "empty_font_package").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FontMissing, match=r"NotoSansCJK-Regular\.ttc is missing"):
        font_path("empty_font_package")


def test_typst_knows_the_family_in_regular_only() -> None:
    import typst

    fonts = typst.Fonts(False, False, [font_path().parent])
    assert {font.weight for font in fonts.fonts() if font.family == FAMILY} == {400}


def test_coverage_agrees_with_typst() -> None:
    """Every character called covered compiles to PDF/A, which refuses missing glyphs; the others do not."""
    import typst

    fonts = typst.Fonts(False, False, [font_path().parent])

    def prints(text: str) -> bool:
        text_font = f'#set text(font: "{FAMILY}", fallback: false)'
        source = f'#set document(title: "t", date: auto)\n{text_font}\n#sys.inputs.t'
        try:
            typst.compile(
                source.encode(), font_paths=fonts, sys_inputs={"t": text}, pdf_standards=["a-2b"], timestamp=0
            )
        except typst.TypstError:
            return False
        return True

    every = [chr(code) for code in range(0x3400, 0x323B0, 37) if not 0xD800 <= code < 0xE000 or code % 7 == 0]
    every = [char for char in every if not "\ud800" <= char <= "\udfff"]
    missing = set(missing_glyphs("".join(every)))
    covered = "".join(char for char in every if char not in missing)
    assert len(covered) > 500
    assert prints(covered)
    for char in sorted(missing)[::40]:
        assert not prints(char), hex(ord(char))


def test_missing_glyphs_in_order_of_appearance() -> None:
    assert missing_glyphs("张\U00030000三😀\U00030000\n") == ("\U00030000", "😀")
    assert missing_glyphs("𠮷〇〓★、· Abc") == ()


def test_importing_the_package_loads_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys, sanzhi_core.render, sanzhi_core.people.spreadsheet;"
        "heavy = {'typst', 'segno', 'xlsxwriter', 'openpyxl', 'noto_cjk_sans_otc'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
