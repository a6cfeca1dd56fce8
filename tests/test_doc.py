"""Code on pages of the documentation prints the documented output."""

import doctest
from pathlib import Path

import pytest

from laws import quick

DOC = Path(__file__).parent.parent / "doc"
GUIDE = sorted(path for path in DOC.glob("guide/*.rst") if path.stem != "index")
PAGES = [*sorted(DOC.glob("*.rst")), *GUIDE, *sorted(DOC.glob("more/*.rst"))]
SHORT = [path for path in PAGES if path.stem in ("quickstart", "generate", "sampling", "sklearn")]


@pytest.mark.parametrize("page", quick(PAGES, *SHORT), ids=lambda path: path.stem)
def test_code_on_a_page_prints_the_documented_output(page):
    """Fails if the code on a page warns, raises or prints something else."""
    assert doctest.testfile(str(page), module_relative=False).failed == 0


@pytest.mark.parametrize("page", GUIDE, ids=lambda path: path.stem)
def test_guide_page_has_a_described_picture(page):
    """Fails if a page of the guide has no picture, or a picture without alternative text."""
    _, *pictures = page.read_text(encoding="utf-8").split(".. plot::\n")
    assert pictures
    assert all(picture.lstrip().startswith(":alt: ") for picture in pictures)
