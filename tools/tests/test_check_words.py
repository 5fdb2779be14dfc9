# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the word list. The words of this test are made up, so that it is not a finding of its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "check_words.py"
spec = importlib.util.spec_from_file_location("check_words", SCRIPT)
assert spec is not None and spec.loader is not None
check_words = importlib.util.module_from_spec(spec)
sys.modules["check_words"] = check_words
spec.loader.exec_module(check_words)

DOCUMENT = """# How to contribute

| not | a row |
|---|---|
| `other` | table |

## Word list
What we do without.

| not | write | except in names |
|---|---|---|
| `blorp` `blorps` | copy | |
| `zorble of` | describe | |
| `quux` | recover | `quuxctl run` |

## Afterwards
| `later` | table |
"""
WORDS = check_words.read_list(DOCUMENT)


def findings(text: str, path: str = "file.py") -> list[tuple[int, str]]:
    return [(found.line, found.text) for found in check_words.check_text(path, text, WORDS)]


def test_the_table_below_its_heading_is_the_list() -> None:
    assert [word.forms for word in WORDS] == [("blorp", "blorps"), ("zorble of",), ("quux",)]
    assert [word.instead for word in WORDS] == ["copy", "describe", "recover"]
    assert WORDS[2].names == ("quuxctl run",)


@pytest.mark.parametrize("document", ["no list", "\n## Word list\n| a |\n|---|\n| no form | write | |\n"])
def test_a_list_that_cannot_be_read_is_an_error(document: str) -> None:
    with pytest.raises(ValueError, match="CONTRIBUTING"):
        check_words.read_list(document)


@pytest.mark.parametrize(
    "text",
    ["a Blorp here", "BLORP_S = 1", "self._blorp()", "class BlorpSource:", "readBlorps()", "it is blorp.", "x-blorp-y"],
)
def test_a_word_is_found_in_prose_and_in_identifiers(text: str) -> None:
    assert [line for line, _text in findings(f"first\n{text}\nlast\n")] == [2]


@pytest.mark.parametrize("text", ["blorping", "unblorp", "reblorps"])
def test_a_part_of_a_longer_word_is_none(text: str) -> None:
    assert findings(text) == []


@pytest.mark.parametrize(
    "text",
    ["zorble of it", "# they zorble\n# of it", " * zorble\n * of", '"zorble "\n    "of it"', "def zorble_of():"],
)
def test_a_phrase_is_found_across_line_breaks(text: str) -> None:
    assert [line for line, _text in findings(f"first\n{text}")] == [2]


def test_a_quoted_name_of_another_project_is_none() -> None:
    assert findings("run `quuxctl run` first") == []
    assert findings("quuxctl run, then quux") == [(1, "quux")]


def test_the_name_of_a_file_is_checked() -> None:
    assert findings("", path="tests/blorp_source.py") == [(0, "blorp")]


def test_the_list_itself_is_no_finding_and_the_rest_of_its_document_is() -> None:
    assert findings(DOCUMENT, path=check_words.LIST) == []
    assert [text for _line, text in findings(DOCUMENT + "\nblorp\n", path=check_words.LIST)] == ["blorp"]


def test_a_finding_says_where_and_what_to_write() -> None:
    (found,) = check_words.check_text("a.py", "\nblorp\n", WORDS)
    assert str(found) == "a.py:2: 'blorp' (write: copy)"


def test_the_list_of_the_repository_can_be_read() -> None:
    assert check_words.read_list((check_words.ROOT / check_words.LIST).read_text())


def test_licence_and_released_changelogs_are_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "changelogs").mkdir()
    for name in ("COPYING", "CHANGELOG.rst", "changelogs/changelog.yaml", "go.sum", "a.md"):
        (tmp_path / name).write_text("blorp")
    (tmp_path / "binary").write_bytes(b"\xff\xfeblorp")
    check_words.subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setattr(check_words, "ROOT", tmp_path)
    assert [name for name, _text in check_words.text_files([])] == ["a.md"]


def test_findings_make_it_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / check_words.LIST).write_text(DOCUMENT)
    check_words.subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setattr(check_words, "ROOT", tmp_path)
    assert check_words.main([]) == 0
    (tmp_path / "a.txt").write_text("one\nblorps\n")
    assert check_words.main([]) == 1
    assert capsys.readouterr().out == "a.txt:2: 'blorps' (write: copy)\n"
