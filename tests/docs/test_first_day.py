"""Day one of county IT and the front-end examples, run from the documents in their order on an empty folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any


def test_the_documents_work_as_written(runner: Any, documents: dict[str, list[Any]], root: Path) -> None:
    shutil.copy(root / "core/sanzhi_core/org/data/changzhi_divisions.csv", runner.folder)
    ran = 0
    for name in ("county-it.md", "front-end.md"):
        for block in documents[name]:
            if block.directive is not None:
                runner.run(block)
                ran += 1
    assert ran >= 30, "the documents have lost their directives"
    assert runner.stop() == 0, "`sanzhi up` did not stop gracefully"
