"""The built documentation, as a browser shows it.

`SKRBM_SITE` is the folder of the HTML that Sphinx built. If `SKRBM_SCREENSHOTS` is a folder too,
every page of the test in a browser is saved there as a picture.
"""

import importlib
import inspect
import os
import re
import shutil
from pathlib import Path

import pytest

SITE = Path(os.environ.get("SKRBM_SITE", ""))
SCREENSHOTS = os.environ.get("SKRBM_SCREENSHOTS")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("SKRBM_SITE" not in os.environ, reason="SKRBM_SITE is not set"),
]
PAGES = [
    *("index", "quickstart", "guide/tables", "guide/energy"),
    *("api", "api/skrbm.GaussianBernoulliRBM", "gallery/index"),
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Elements beyond the edge of the screen, unless they can be scrolled into view.
CUT_OFF = """() => {
    const scrolled = "pre, mjx-container, .pst-scrollable-table-container";
    const hidden = ".visually-hidden, .skip-link, mjx-assistive-mml, .headerlink";
    return [...document.querySelectorAll("header *, main *, footer *")].filter(element => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1)
            && element.checkVisibility({visibilityProperty: true, opacityProperty: true})
            && !element.closest(hidden) && !element.parentElement.closest(scrolled);
    }).map(element => element.outerHTML.slice(0, 100));
}"""


def parsed(path):
    """Return the main part of a page."""
    soup = pytest.importorskip("bs4").BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return soup.find("article")


def words(text):
    """Return the words of a description, without the names of roles and their targets."""
    text = re.sub(r":[\w:]+:`~[\w.]*?(\w+)`", r"\1", text)
    text = re.sub(r":[\w:]+:`", " ", re.sub(r"\s<[^>`]*>`", " ", text))
    return re.findall(r"\w+", text)


def documented_classes():
    """Return the pages of classes and the classes."""
    for path in sorted((SITE / "api").glob("*.html")):
        module, _, name = path.stem.rpartition(".")
        value = getattr(importlib.import_module(module), name)
        if inspect.isclass(value):
            yield path, value


def test_attributes_are_shown_in_full():
    """Fails if a page shows a property's own docstring instead of the text in the class's."""
    docscrape = pytest.importorskip("numpydoc.docscrape")
    compared = 0
    for path, value in documented_classes():
        attributes = docscrape.ClassDoc(value, config={"show_class_members": False})["Attributes"]
        shown = {}
        for field in parsed(path).select("dl.field-list > dt"):
            if field.text.startswith("Attributes"):
                for entry in field.find_next_sibling("dd").dl.find_all("dt", recursive=False):
                    shown[entry.strong.text] = words(entry.find_next_sibling("dd").text)
        for name, _, text in attributes:
            assert shown[name] == words("\n".join(text)), (path.stem, name)
            compared += 1
    assert compared > 60


def test_tables_of_methods_are_complete():
    """Fails if a class describes a method that its table of methods lacks."""
    for path, _ in documented_classes():
        page = parsed(path)
        described = {entry["id"] for entry in page.select("dl.py.method > dt")}
        links = page.select("table.autosummary td:first-child a")
        assert described == {link["href"].removeprefix("#") for link in links}, path.stem


def test_pictures_have_alternative_texts():
    """Fails if a picture has none, or one that is made of the name of its file."""
    pictures = 0
    for path in SITE.rglob("*.html"):
        article = parsed(path)
        for image in article.find_all("img") if article else []:
            if image.find_parent(class_="sphx-glr-thumbcontainer"):
                continue  # its title stands below it
            text = image.get("alt", "")
            assert " " in text, (path, image["src"])
            # sphinx-gallery takes the titles of a figure, and this if there is none
            assert text != path.stem.replace("_", " "), (path, image["src"])
            pictures += 1
    assert pictures > 0


@pytest.mark.skipif(not (SITE / "lite").exists(), reason="the site has no notebooks")
def test_examples_that_run_in_a_browser_have_a_button():
    """Fails if a button has no notebook, or if an example that needs processes has a button."""
    pages = sorted(SITE.glob("gallery/*/plot_*.html"))
    for path in pages:
        notebook, runs = path.relative_to(SITE).with_suffix(".ipynb"), path.stem != "plot_cluster"
        links = [link["href"] for link in parsed(path).select(".lite-badge a")]
        assert [link.partition("?path=")[2] for link in links] == [notebook.as_posix()] * runs
        assert (SITE / "lite" / "files" / notebook).exists() == runs
    assert len(pages) > 15


def api_names():
    """Return the names by which pages may mention documented classes and functions."""
    inventory = pytest.importorskip("sphinx.util.inventory").InventoryFile
    items = inventory.loads((SITE / "objects.inv").read_bytes(), uri="").data
    full = {name for kind in items if kind.startswith("py:") for name in items[kind]}
    classes = {name.rpartition(".")[2] for name in items["py:class"]}
    return full | classes | {name.removeprefix("skrbm.") for name in full}


@pytest.mark.parametrize("folder", [".", "guide", "more"])
def test_names_are_links(folder):
    """Fails if a page has the name of a documented object as code without a link to it."""
    names = api_names()
    plain = {
        (path.relative_to(SITE).with_suffix("").as_posix(), code.text)
        for path in sorted((SITE / folder).glob("*.html"))
        if path.stem not in ("architecture", "changelog", "genindex", "search")
        for code in parsed(path).find_all("code")
        if code.text.removesuffix("()") in names and not code.find_parent(["a", "h1", "h2"])
    }
    assert plain == set()


def test_external_names_exist():
    """Fails if an inventory of another package has a name that the installed package lacks."""
    for path in sorted((Path(__file__).parent.parent / "doc" / "_inventories").glob("*.txt")):
        for line in path.read_text().splitlines()[3:]:
            module, _, name = line.split()[0].rpartition(".")
            pytest.importorskip(module.partition(".")[0])
            assert hasattr(importlib.import_module(module), name), line


@pytest.fixture
def browser():
    """Return Chromium without a network."""
    api = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium")
    with api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        yield started
        started.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_a_screen(browser, width, scheme):
    """Fails if a page needs a network or scrolls sideways, or if something is cut off."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    for name in PAGES:
        page.goto((SITE.absolute() / f"{name}.html").as_uri(), wait_until="networkidle")
        page.wait_for_function("!window.MathJax || MathJax.startup.promise.then(() => true)")
        if SCREENSHOTS:
            file = f"{name.replace('/', '-')}-{width}-{scheme}.png"
            page.screenshot(path=Path(SCREENSHOTS) / file, full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert page.evaluate(CUT_OFF) == [], name
        assert page.locator(".math").count() == page.locator("mjx-container").count(), name
        if width == 390:
            rows = page.locator("table.autosummary tr")
            heights = rows.evaluate_all("rows => rows.map(row => row.offsetHeight)")
            assert max(heights, default=0) <= 120, name
        assert errors == [], name
