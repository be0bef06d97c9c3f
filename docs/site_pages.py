"""Pages of the documentation site that are made when it is built: model cards, data facts, commands, contributing.

A hook of MkDocs (see ``mkdocs.yml``); nothing it makes is kept in the repository, so nothing can go out of date.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parents[1]
#: A docstring's reference to another name, as Sphinx writes it.
_ROLE = re.compile(r":(?:func|class|mod|data|meth|attr):<code>~?(?:[\w.]*\.)?(\w+)</code>")
_FACTS = re.compile(r"<!-- facts: (\w+) -->")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    made = {
        "cards/models.md": model_cards(),
        "reference/commands.md": commands(),
        "contributing.md": contributing(),
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put the registry's facts where a page asks for them."""
    return _FACTS.sub(lambda match: data_facts(match[1]), markdown)


def model_cards() -> str:
    """Return the cards of the shipped bundles on one page, as the bundles hold them."""
    from tumorscope.bundles.bundle import SHIPPED, shipped_names

    parts = [
        "# Model cards\n\nThe cards of the shipped bundles, as each bundle carries its own (`card.md`). "
        "`tumorscope info` lists the bundles of an installation.\n"
    ]
    for name in shipped_names():
        card = (SHIPPED / name / "card.md").read_text(encoding="utf-8")
        card = re.sub(r"\bdocs/([\w-]+\.md)", r"[\1](../\1)", card)
        parts.append(re.sub(r"^(#+) ", r"#\1 ", card, flags=re.MULTILINE))
    return "\n".join(parts)


def data_facts(name: str) -> str:
    """Return what the registry knows of a data set as a table."""
    from tumorscope.datasets import DATASETS

    data = DATASETS.load(name)
    use = (
        "allowed by the licence" if data.commercial else "not allowed, neither of the data nor of weights trained on it"
    )
    rows = {
        "name": f"`{data.name}`",
        "what it is": data.title,
        "sequences": ", ".join(data.sequences),
        "licence": data.licence,
        "commercial use": use,
        "cite": data.citation,
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())])


def commands() -> str:
    """Return the help of every verb as the command line prints it."""
    from tumorscope.cli.main import VERBS

    parts = ["# Commands\n\nWhat `tumorscope VERB --help` prints.\n"]
    for verb, line in VERBS.items():
        parts.append(f"## {verb}\n\n{line}.\n\n```text\n{help_of(verb)}\n```\n")
    return "\n".join(parts)


def help_of(verb: str) -> str:
    """Return the help text of one verb, 80 columns wide, without colours."""
    from tumorscope.cli.main import parse

    kind = import_module(f"tumorscope.cli.{verb.replace('-', '_')}").Command
    stream = io.StringIO()
    with _plain_terminal(), contextlib.redirect_stdout(stream), contextlib.suppress(SystemExit):
        parse(kind, verb, ["--help"])
    return "\n".join(line.rstrip() for line in stream.getvalue().strip().splitlines())


@contextlib.contextmanager
def _plain_terminal() -> Iterator[None]:
    with patch.dict("os.environ", {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}):
        yield


def contributing() -> str:
    """Return CONTRIBUTING.md with its links made for the site."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.replace("](docs/", "](")


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Let search without a server use the copy of iframe-worker in ``assets``: the theme would fetch it."""
    from mkdocs.utils import get_relative_url

    local = get_relative_url("assets/iframe-worker/shim.js", page.url)
    output = _ROLE.sub(r"<code>\1</code>", output)
    return output.replace("https://unpkg.com/iframe-worker/shim", local)


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """Do the same for the page of missing pages, which lies at the top."""
    return output.replace("https://unpkg.com/iframe-worker/shim", "/assets/iframe-worker/shim.js")
