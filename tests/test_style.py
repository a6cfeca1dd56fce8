"""The prose of docstrings, comments, messages, pages and test names follows the style guide."""

import ast
import functools
import io
import re
import tokenize
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("skrbm", "tests", "benchmarks", "examples")
GROUPS = {folder: sorted((ROOT / folder).rglob("*.py")) for folder in FOLDERS}
GROUPS["tests"].remove(Path(__file__).resolve())  # which quotes the constructions
GROUPS["pages"] = sorted(
    path
    for pattern in ("*.md", "*.py", "doc/*.*", "doc/guide/*", "doc/more/*", "examples/*.rst")
    for path in ROOT.glob(pattern)
    if path.suffix in (".md", ".py", ".rst") and path.stem.lower() != "changelog"
)
FEWEST_WORDS = 4  # of a message; shorter strings in code are names
MOST_WHERE = 2 / 1000  # of all words

THINGS = "row|column|class|unit|epoch|sweep|chain|step|update|figure|pattern|layer|level|mini-batch"
THINGS += "|worker|core|fit|sample|cell|key|line|block|seed|table|image|category|second|minute"
NUMBER = r"(?:once|twice|an?|one|two|three|four|five|six|ten|few|many|more|fewer|\d+(?:[.,]\d+)*)"
OTHER = r"(?!(?:about|as|at|for|from|has|have|in|into|is|needs|of|on|than|to|uses|with)\b)[a-z-]+"
# Denied constructions, by the words to use instead.
DENIED = {
    "if, when, otherwise": r"\b(elsewhere|wherever|where there (is|are) (none|no))\b",
    "the name of the thing": r"\bwhat\b(?![^.:;]*\?)",
    "computes, returns, warns": r"\b(tells?|telling|told|says?|saying|said|knows|knew|wants?)\b",
    "only, except": r"\bbut (for|one|two|few)\b|\b(has|have|had|is|are|not) but\b"
    r"|\b(nothing|anything|none|(all|any|every|no)(thing|one)?( \w+)?) but\b",
    "per, each": rf"\b{NUMBER} ({OTHER} )?an? ({THINGS})(?![\w-])",
    "with, besides, next to": r"\b(beside|alongside)\b",
    "the noun again": r"\b(that|those) of\b",
    "a current word": r"\b(dear|dearer|anew|afresh|shall|lest|upon|thereof|therein|wherein|whereof"
    r"|whence|nought|amidst|oneself|hitherto|to be had|by heart)\b",
}
QUESTION = re.compile(r"(how|what|where|which|who|why|when)\b", re.IGNORECASE)
# Phrases in which these words are current English: people want and know, and some questions.
ALLOWED = re.compile(
    r"\b(you|users?|readers?) (want|know|say)s?\b|\bsay,|without being told"
    r"|what does not belong|who did what|what-if|no matter what|the last but one",
    re.IGNORECASE,
)
# Except in mathematics, before a symbol that it defines: "where Z is the sum".
WHERE = re.compile(r"\bwhere\b(?! (?:the )?`x`| [B-HJ-Zb-z]\b)", re.IGNORECASE)
CODE = re.compile(r":[\w:]+:`[^`]+`|``.+?``|`[^`]+`_{0,2}|\$[^$]+\$", re.DOTALL)

# (from the style guide, its replacement)
PAIRS = [
    (
        "All of it is exact where few states are left to sum over, and from chains elsewhere.",
        "The result is exact if few states remain; otherwise it is estimated by Gibbs sampling.",
    ),
    (
        "Fill what is missing with what a restricted Boltzmann machine says of it.",
        "Impute missing values with a restricted Boltzmann machine. What is it?",
    ),
    (
        "given the upper half of a digit it tells the lower one",
        "it predicts the lower half of a digit from the upper half",
    ),
    ("has but two kinds of states", "has only two kinds of state"),
    ("everything but for the seed", "everything except the seed"),
    (
        "One array a figure, with one element a sweep.",
        "One array per metric, with one value per epoch, a row at a time.",
    ),
    ("data and a label beside it", "data and a class label; besides, a second label"),
    (
        "So most of the gain is that of the neighbours",
        "So most of the gain comes from label spreading",
    ),
    (
        "Patterns that shall be remembered. Drawn anew.",
        "Patterns to store and recall. Resampled.",
    ),
    ("Draws from the model are not to be had.", "If Z is intractable, so is exact sampling."),
    ("test units are told", "test warns when hidden units saturate"),
]


class Prose(NamedTuple):
    """A paragraph of English, and its place."""

    place: str
    text: str


def without_code(text):
    """Return a text on one line, with x for inline code and formulas."""
    return CODE.sub("`x`", " ".join(text.split()))


def paragraphs(text):
    """Return the paragraphs of a docstring or page without doctests, literals and formulas."""
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\s*>>> .*?(\n\s*\n|\Z)", "\n\n", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "]", text)  # addresses of links
    found, literal = [], None
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        first = block.strip("\n").split("\n")[0]
        indentation = len(first) - len(first.lstrip())
        if literal is None or indentation <= literal:
            is_directive = first.lstrip().startswith((".. math", ".. code", ".. raw", ".. plot"))
            literal = indentation if is_directive or block.rstrip().endswith("::") else None
            if not is_directive:
                found.append(without_code(block))
    return found


def comments(source):
    """Yield the comments of a module with their lines, consecutive comment lines as one."""
    line, texts = 0, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if texts and token.start[0] != line + 1:
                yield line, without_code(" ".join(texts))
                texts = []
            line = token.start[0]
            texts.append(token.string.lstrip("# "))
    yield line, without_code(" ".join(texts))


@functools.lru_cache(maxsize=1)
def nodes_of(source):
    """Return the nodes of the syntax tree of a module."""
    return list(ast.walk(ast.parse(source)))


def docstrings(source):
    """Return the constants that are docstrings, and their texts."""
    types = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = [x for x in nodes_of(source) if isinstance(x, types) and ast.get_docstring(x)]
    return {node.body[0].value: ast.get_docstring(node) for node in found}


def messages(source):
    """Yield strings of several words in code, with their lines: of errors, warnings, displays."""
    docs = docstrings(source)
    for node in nodes_of(source):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            text = without_code(node.value)
            if len(re.findall(r"[A-Za-z]{2,}", text)) >= FEWEST_WORDS and " " in text:
                yield node.lineno, text


def lines_of_module(path):
    """Yield the prose of a Python file, with its lines."""
    source = path.read_text(encoding="utf-8")
    for node, docstring in docstrings(source).items():
        yield from ((node.lineno, text) for text in paragraphs(docstring))
    yield from comments(source)
    if path.is_relative_to(ROOT / "skrbm"):
        yield from messages(source)
    for node in nodes_of(source):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")


@functools.cache
def prose_of(group):
    """Return the prose of a group of files."""
    found = []
    for path in GROUPS[group]:
        name = path.relative_to(ROOT)
        if path.suffix == ".py":
            found += [Prose(f"{name}:{line}", text) for line, text in lines_of_module(path)]
        else:
            texts = paragraphs(path.read_text(encoding="utf-8"))
            found += [Prose(str(name), text) for text in texts]
    return found


def denied(text):
    """Return the denied constructions in a text, with the words to use instead."""
    text = ALLOWED.sub("", text)
    return [
        f"{match.group()!r} (use: {words})"
        for words, pattern in DENIED.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_no_denied_construction_occurs(group):
    """Fails if a text has "elsewhere", "tells", "beside", or a clause with "what"."""
    assert [f"{prose.place}: {x}" for prose in prose_of(group) for x in denied(prose.text)] == []


@pytest.mark.parametrize("group", GROUPS)
def test_where_is_rare(group):
    """Fails if more than 2 of 1,000 words are "where" outside mathematics."""
    where = [prose.place for prose in prose_of(group) for _ in WHERE.findall(prose.text)]
    n_words = sum(len(prose.text.split()) for prose in prose_of(group))
    assert len(where) <= MOST_WHERE * n_words, where


@pytest.mark.parametrize("group", ["skrbm", "tests", "benchmarks"])
def test_docstrings_begin_with_a_result_or_an_action(group):
    """Fails if a docstring begins with a question word."""
    assert [
        f"{path.relative_to(ROOT)}:{node.lineno}: {text.splitlines()[0]}"
        for path in GROUPS[group]
        for node, text in docstrings(path.read_text(encoding="utf-8")).items()
        if QUESTION.match(text)
    ] == []


@pytest.mark.parametrize(("wrong", "right"), PAIRS, ids=[pair[1] for pair in PAIRS])
def test_the_rules_agree_with_the_style_guide(wrong, right):
    """Negative control: of each pair of the style guide, one is denied and one allowed."""
    assert denied(wrong) != []
    assert denied(right) == []


def test_where_counts_outside_mathematics_only():
    """Negative control. Fails if a symbol's definition counts, or a condition does not."""
    assert WHERE.findall("exp(-E) / Z, where Z is the sum, where `x` is its log") == []
    assert len(WHERE.findall("exact where a layer is small, and drawn where it is not")) == 2


def test_only_prose_is_read():
    """Negative control. Fails if code or formulas count as prose, or a paragraph is lost."""
    page = "One `what`.\n\n.. math::\n\n   what\n\nTwo::\n\n    what\n\n>>> what\nwhat\n\nThree."
    assert paragraphs(page) == ["One `x`.", "Two::", "Three."]
    module = 'def test_a_b():\n    """One."""\n    raise ValueError("two three four five")  # six'
    assert list(docstrings(module).values()) == ["One."]
    assert [text for _, text in messages(module)] == ["two three four five"]
    assert [text for _, text in comments(module)] == ["six"]
