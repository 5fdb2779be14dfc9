# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of Go programs. The go command is a stand-in: the real one needs minutes, and the lab runs what it builds."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.organic.lab.plugins.module_utils import go_build
from ansible_collections.organic.lab.plugins.module_utils.base import LabError
from ansible_collections.organic.lab.plugins.module_utils.go_build import Component, GoLayers, Progress, find_go

PROJECT_COMPONENTS = Path(__file__).resolve().parents[8] / "tools/kubernetes"
STAND_IN = """#!/bin/sh
case $1 in
list) printf 'example/a\\nexample/b\\n' ;;
build)
    echo "go: downloading example.org/pinned v1.2.3" >&2
    echo example/a >&2
    if [ -e fail ]; then echo "main.go:3:1: syntax error" >&2; exit 1; fi
    while [ "$1" != -o ]; do shift; done
    env | grep -E '^(GO|CGO)' | sort >"$2"
    ;;
esac
"""


@pytest.fixture
def component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A component of one program, and a go command that writes its environment in place of a program."""
    tools, source = tmp_path / "tools", tmp_path / "tool"
    tools.mkdir()
    (tools / "go").write_text(STAND_IN, encoding="utf-8")
    (tools / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for name in go_build.CACHES:
        monkeypatch.delenv(name, raising=False)
    source.mkdir()
    (source / "go.mod").write_text("module example/tool\n\nrequire example.org/pinned v1.2.3\n", encoding="utf-8")
    (source / "go.sum").write_text("example.org/pinned v1.2.3 h1:abc=\n", encoding="utf-8")
    described = {"programs": {"tool": "."}, "directory": "usr/local/bin", "links": {"other": "tool"}}
    (source / "component.json").write_text(json.dumps(described), encoding="utf-8")
    return source


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "component.json"])
def test_another_content_is_another_layer(component: Path, name: str) -> None:
    before = Component.read(component).key()
    with (component / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert Component.read(component).key() != before
    assert before.startswith("tool-")


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "component.json"])
def test_what_is_missing_is_named(component: Path, name: str) -> None:
    (component / name).unlink()
    with pytest.raises(LabError, match=name):
        Component.read(component)


def test_unknown_settings_are_refused(component: Path) -> None:
    (component / "component.json").write_text('{"programs": {}, "directory": "x", "flags": []}', encoding="utf-8")
    with pytest.raises(LabError, match="flags"):
        Component.read(component)


def test_a_layer_is_built_once(component: Path, tmp_path: Path) -> None:
    cache, said = tmp_path / "cache", list[str]()
    layers = GoLayers(cache, [Component.read(component)])
    assert [missing.name for missing in layers.missing()] == ["tool"]
    layers.build(said.append)
    assert layers.missing() == []
    (layer,) = layers.layers()
    environment = dict(line.split("=", 1) for line in (layer / "usr/local/bin/tool").read_text().splitlines())
    assert environment["CGO_ENABLED"] == "0"
    assert environment["GOWORK"] == "off"
    assert environment["GOCACHE"].startswith(f"{cache}/")
    assert (layer / "usr/local/bin/other").readlink() == Path("tool")
    assert "1/1 tool: tool: 1 of at most 2 packages" in said
    assert [entry.name for entry in cache.iterdir()] == [layer.name], "what Go downloaded and compiled is gone"
    said.clear()
    layers.build(said.append)
    assert said == []


def test_directories_of_go_that_the_user_named_are_used(
    component: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "mine"))
    layers = GoLayers(tmp_path / "cache", [Component.read(component)])
    layers.build(lambda _text: None)
    assert f"GOCACHE={tmp_path / 'mine'}\n" in (layers.layers()[0] / "usr/local/bin/tool").read_text()


def test_a_failure_has_the_words_of_go_and_leaves_no_layer(component: Path, tmp_path: Path) -> None:
    (component / "fail").touch()
    layers = GoLayers(tmp_path / "cache", [Component.read(component)])
    with pytest.raises(LabError, match=r"main\.go:3:1: syntax error") as raised:
        layers.build(lambda _text: None)
    assert "downloading" not in str(raised.value)
    assert layers.missing()
    (component / "fail").unlink()
    again = GoLayers(tmp_path / "cache", [Component.read(component)])
    again.build(lambda _text: None)
    assert again.missing() == []


def test_an_image_has_the_program_and_nothing_else(component: Path, tmp_path: Path) -> None:
    described = {"programs": {"tool": "."}, "directory": "bin", "images": {"images/tool.tar": "tool"}}
    (component / "component.json").write_text(json.dumps(described), encoding="utf-8")
    layers = GoLayers(tmp_path / "cache", [Component.read(component)])
    layers.build(lambda _text: None)
    (layer,) = layers.layers()
    assert not (layer / "bin/tool").exists()
    with tarfile.open(layer / "images/tool.tar") as image:
        (manifest,) = json.load(image.extractfile("manifest.json") or pytest.fail("no manifest"))
        config = json.load(image.extractfile(manifest["Config"]) or pytest.fail("no configuration"))
        with tarfile.open(fileobj=image.extractfile(manifest["Layers"][0])) as content:
            assert content.getnames() == ["tool"]
            assert content.getmember("tool").mode == 0o755
    assert manifest["RepoTags"] == ["localhost/tool:1"]
    assert config["config"]["Entrypoint"] == ["/tool"]
    assert config["os"] == "linux"


def test_without_go_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(go_build, "USUAL_PLACE", tmp_path / "go")
    with pytest.raises(LabError, match="apt-get install golang-go"):
        find_go()


def test_progress_is_said_for_each_twentieth_part() -> None:
    said = list[str]()
    progress = Progress("tool", 40, said.append)
    for number in range(40):
        progress(f"example/{number}")
        progress("go: downloading example.org/pinned v1.2.3")
    assert len(said) == 20
    assert said[-1] == "tool: 40 of at most 40 packages"


@pytest.mark.parametrize("name", ["cni", "containerd", "etcd", "kubernetes", "multus", "pause"])
def test_components_of_the_project_are_complete(name: str) -> None:
    component = Component.read(PROJECT_COMPONENTS / name)
    modules = (component.source / "go.mod").read_text(encoding="utf-8")
    assert component.programs
    for package in component.programs.values():
        assert package == "." or f"tool {package}\n" in modules, (
            "go.mod names what is built, so that go mod tidy keeps it"
        )
