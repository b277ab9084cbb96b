"""What the pages say of files, and what they must not say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.deploy.composefile import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_page_has_anybody_install_tocsin_from_an_index(page: Path) -> None:
    assert not re.findall(r"pip install [^\n]*\btocsin\b(?!/)", page.read_text("utf-8"))
