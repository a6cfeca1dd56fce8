"""README.md is short and true."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECORDS = ROOT / "benchmarks" / "records"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
TARGETS = re.findall(r"\]\(([^)]+)\)", README)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def words(markdown):
    """Return the visible words: no code blocks, and only the text of links and pictures."""
    text = re.sub(r"^```.*?^```$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.findall(r"[^\s|]*\w[^\s|]*", text)


def test_readme_has_at_most_500_words():
    """Fails if sections grow that belong to the documentation."""
    assert len(words(README)) <= 500


def test_readme_shows_its_picture_within_60_words():
    """Fails if a section is moved above the picture."""
    above, picture, _ = README.partition("](benchmarks/hero.png)")
    assert picture
    assert len(words(above)) <= 60


@pytest.mark.parametrize("target", [x for x in TARGETS if "://" not in x])
def test_relative_links_of_readme_exist(target):
    """Fails if a file is moved and its link is not."""
    assert (ROOT / target).exists()


def test_commands_of_readme_name_existing_files():
    """Fails if the first example is moved."""
    commands = "".join(code for language, code in BLOCKS if not language)
    files = re.findall(r"\S+/\S+\.py\b", commands)
    assert files
    assert all((ROOT / file).exists() for file in files)


def test_measured_numbers_of_readme_are_in_the_report():
    """Fails if a number is changed by hand, or measured again and not updated."""
    claims = README.partition("\n## Why\n")[2].partition("\n## ")[0]
    numbers = NUMBER.findall(claims)
    assert len(numbers) >= 8
    report = (RECORDS / "report.md").read_text(encoding="utf-8")
    assert set(numbers) <= set(NUMBER.findall(report))


@pytest.mark.slow
def test_report_follows_from_its_records(tmp_path):
    """Fails if the page is edited by hand, or a record is replaced without writing it again."""
    for record in RECORDS.glob("*.json"):
        shutil.copy(record, tmp_path)
    assert _report(tmp_path) == (RECORDS / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_report_names_missing_records(tmp_path):
    """Fails if a section without a record is left out or raises."""
    assert _report(tmp_path).count("Not measured: `python -m benchmarks ") == 7


def _report(folder):
    """Return the page of the records in a folder."""
    command = [sys.executable, "-W", "error", "-m", "benchmarks.report", folder]
    subprocess.run(command, cwd=ROOT, check=True)
    return (folder / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_code_of_readme_prints_the_documented_output():
    """Fails if the code warns, changes given pixels, or prints other scores than README.md.

    Draws may differ between machines, since rounding differs; given pixels may not.
    """
    code = next(code for language, code in BLOCKS if language == "python")
    claimed = next(text for _, text in BLOCKS if text.startswith("log-likelihood")).splitlines()
    command = [sys.executable, "-X", "utf8", "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    printed = run.stdout.splitlines()
    printed = [printed[0], *printed[2:-1]]  # a line of blanks above and below the images
    score, expected = (float(*NUMBER.findall(lines[0])) for lines in (printed, claimed))
    assert score == pytest.approx(expected, abs=0.5)
    assert len(printed) == len(claimed)
    images, expected = (_pixels(lines[1:]) for lines in (printed, claimed))
    assert (images[:, 0] == expected[:, 0]).all()
    assert (images[:4, 1:3] == images[:4, :1]).all()


def _pixels(lines):
    """Return the ink of shape (rows, images, columns) of five images side by side."""
    text = [line.ljust(100)[::2] for line in lines]
    return (np.array([list(line) for line in text]) == "█").reshape(8, 5, 10)
