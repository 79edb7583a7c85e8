"""Pages that are made from the code are up to date, and no page points nowhere."""

import re
from pathlib import Path

import pytest
from docs.generate import PAGES

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", PAGES)
def test_generated_page_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_no_file_names_a_registry_or_this_machine() -> None:
    suspects = re.compile(r"pypi\.org|pythonhosted|/root/|/work/|/tmp/[a-z]+/|registry\.npmjs")
    looked = [
        *ROOT.glob("requirements/*"),
        ROOT / "Makefile",
        ROOT / "pyproject.toml",
        *ROOT.glob("docs/**/*.md"),
    ]
    assert [str(path) for path in looked if suspects.search(path.read_text())] == []
