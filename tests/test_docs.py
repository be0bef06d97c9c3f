"""The documentation says what the program does: its commands parse, its Python runs, its pages exist."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tumorscope.cli.main import VERBS, parse

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _commands() -> list[tuple[str, str]]:
    """Return every shell line of every page that calls the program, with the page's name."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = [body for kind, body in FENCE.findall(text) if kind in ("console", "sh", "bash")]
        blocks += re.findall(r"(?:^    [^\n]*\n)+", FENCE.sub("", text), re.MULTILINE)
        for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
            words = line.strip().removeprefix("$ ")
            if words.startswith("tumorscope "):
                found.append((_name(page), words))
    return found


def _python() -> list[Path]:
    return [p for p in PAGES if "```python" in p.read_text(encoding="utf-8") and p.parent != ROOT]


@pytest.mark.parametrize(("page", "line"), _commands())
def test_every_command_parses(page: str, line: str) -> None:
    words = shlex.split(line.replace("…", "x"), comments=True)[1:]
    if words[0] in ("--help", "--version"):
        return
    assert words[0] in VERBS, f"{page}: no verb {words[0]}"
    kind = import_module(f"tumorscope.cli.{words[0].replace('-', '_')}").Command
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parse(kind, words[0], words[1:])
    except SystemExit as left:
        assert not left.code, f"{page}: {line}\n{said.getvalue()}"


def test_commands_are_found_and_a_wrong_one_fails() -> None:
    assert len(_commands()) > 40
    with pytest.raises(AssertionError, match="no-such-option"):
        test_every_command_parses("page", "tumorscope predict scan --no-such-option 1 -o out")


@pytest.mark.parametrize("page", _python(), ids=_name)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks of a page run one after another in one namespace and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path / "cache"))
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "page"}
    for match in FENCE.finditer(text):
        if match[1] == "python":
            above = text[: match.start(2)].count("\n")  # so that a failure names the page's own line
            exec(compile("\n" * above + match[2], str(page), "exec"), names)


def test_every_page_has_its_place_in_the_navigation() -> None:
    class Loader(yaml.SafeLoader):
        """Takes MkDocs' own tags as they are."""

    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    places = re.findall(r"[\w/-]+\.md", yaml.safe_dump(config["nav"]))
    listed = set(places)
    assert len(places) == len(listed), "a page has two places"
    made = {"cards/models.md", "reference/commands.md", "contributing.md"}
    pages = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert listed == pages | made


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_outside_the_site_lead_somewhere(name: str) -> None:
    """MkDocs checks the site's own links; these two files are read in the repository."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / name).read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        page = ROOT / (path or name)
        assert page.is_file(), f"{name}: no {path}"
        titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, f"{name}: {target}"


def test_pages_that_are_made_hold_what_they_should() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "site_pages.py"))
    text = made["commands"]()
    assert all(f"\n## {verb}\n" in text for verb in VERBS)
    assert "--keep-identifiers" in text and "\x1b" not in text
    cards = made["model_cards"]()
    assert "## brats-2d" in cards and "### Limits" in cards
    page = (ROOT / "docs" / "cards" / "data.md").read_text(encoding="utf-8")
    from tumorscope.datasets import DATASETS

    facts = made["on_page_markdown"](page, None, None, None)
    assert all(f"<!-- facts: {name} -->" in page and f"| name | `{name}` |" in facts for name in DATASETS)


def test_the_site_fetches_nothing() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in text and "strict: true" in text
    assert not re.findall(r"https?://", re.sub(r"#.*", "", text))
    pytest.importorskip("mkdocs")
    made = runpy.run_path(str(ROOT / "docs" / "site_pages.py"))
    role = made["on_post_page"](":func:<code>~tumorscope.a.b</code>", SimpleNamespace(url="a.html"), None)
    assert role == "<code>b</code>"
    page = '<script src="https://unpkg.com/iframe-worker/shim"></script>'
    at = made["on_post_page"](page, SimpleNamespace(url="how-to/dicom.html"), None)
    assert at == '<script src="../assets/iframe-worker/shim.js"></script>'
    assert "unpkg" not in made["on_post_template"](page, "404.html", None)
    assert (ROOT / "docs" / "assets" / "iframe-worker" / "shim.js").stat().st_size > 1000
