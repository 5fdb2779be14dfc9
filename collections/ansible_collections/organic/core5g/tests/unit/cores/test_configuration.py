# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the cores of others, rendered: only keys that their documentation has (documented/)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

COLLECTION = Path(__file__).parents[3]
TEMPLATES = COLLECTION / "roles" / "nf" / "templates"
DOCUMENTED = Path(__file__).parent / "documented"
CORES = sorted(path.stem for path in DOCUMENTED.glob("*.yml"))
ALSO_DOCUMENTED = {
    "open5gs": {
        "amf": {"amf.plmn_support[].s_nssai[].sd"},
        "nssf": {"nssf.sbi.client.nsi[].s_nssai.sd"},
    },
    "free5gc": {},
}
"""Keys that are in the comments of the documented files only."""
FREE_NAMES = {"free5gc": {"upNodes"}}
"""Keys whose own keys are names of the user's choice."""


FURTHER_FILES = {("free5gc", "smf"): ("uerouting",)}
"""Without which the program ends at its start (cmd/main.go); no key of them is needed but the version."""


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def variables(nf: str) -> dict[str, Any]:
    defaults = load(COLLECTION / "roles" / "nf" / "defaults" / "main.yml")
    names = sorted(path.stem for path in (COLLECTION / "profiles").glob("*.yml"))
    addresses = {name: f"192.0.2.{33 + number}" for number, name in enumerate(names)}
    slices = [{"sst": 1}, {"sst": 2, "sd": "000001"}]
    own = {"nf_name": nf, "nf_addresses": addresses, "nf_address": addresses[nf], "nf_slices": slices}
    for number, point in enumerate(("sbi", "n2", "n3", "n4")):
        own[f"nf_{point}_addresses"] = {
            name: address.replace(".0.2.", f".0.{2 + number}.") for name, address in addresses.items()
        }
        own[f"nf_{point}_address"] = own[f"nf_{point}_addresses"][nf]
    return {**defaults, **own, "nf_mongodb_uri": "mongodb://192.0.2.50/core"}


def render(core: str, nf: str) -> Any:
    # As ansible.builtin.template does it.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["to_json"] = json.dumps
    return yaml.safe_load(environment.get_template(f"{core}/{nf}.yaml.j2").render(variables(nf)))


def keys(value: Any, path: str = "", free: frozenset[str] = frozenset()) -> Iterator[str]:
    """Paths of all values; [] is an entry of a list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = "*" if path.split(".")[-1] in free else key
            yield from keys(inner, f"{path}.{name}" if path else str(name), free)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, f"{path}[]", free)
    else:
        yield path


def entries(core: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load(COLLECTION / "cores" / f"{core}.yml")["nfs"]
    return found


ALL = [(core, nf["name"]) for core in CORES for nf in entries(core)]


@pytest.mark.parametrize(("core", "nf"), ALL)
def test_every_key_is_documented(core: str, nf: str) -> None:
    documented = set(load(DOCUMENTED / f"{core}.yml")["keys"][nf])
    optional = {key.rsplit(".", 1)[0] + ".sd" for key in documented if key.endswith(".sst")}
    known = documented | ALSO_DOCUMENTED[core].get(nf, set()) | (optional if core == "free5gc" else set())
    found = set(keys(render(core, nf), free=frozenset(FREE_NAMES.get(core, set()))))
    assert found - known == set()
    assert found


@pytest.mark.parametrize(("core", "nf"), ALL)
def test_an_nf_serves_at_its_own_address(core: str, nf: str) -> None:
    own, text = variables(nf), json.dumps(render(core, nf))
    (entry,) = [each for each in entries(core) if each["name"] == nf]
    points = {
        port["interface"].lower() if port["interface"] in ("N2", "N3", "N4") else "sbi" for port in entry["ports"]
    }
    for point in points:
        assert own[f"nf_{point}_address"] in text
    metrics = {"sbi"} if "9090" in text else set()
    for point in {"sbi", "n2", "n3", "n4"} - points - metrics:
        assert own[f"nf_{point}_address"] not in text
    assert "127.0.0" not in text


@pytest.mark.parametrize(("core", "nf"), ALL)
def test_the_container_reads_what_is_rendered(core: str, nf: str) -> None:
    (entry,) = [each for each in entries(core) if each["name"] == nf]
    expected = [nf, *FURTHER_FILES.get((core, nf), ())]
    assert entry["configuration"] == [
        {"template": f"{core}/{name}.yaml.j2", "path": f"/etc/organic/nf/{nf}/{name}.yaml"} for name in expected
    ]
    assert all(file["path"] in " ".join(entry["command"]) for file in entry["configuration"])


def test_further_files_have_what_is_needed() -> None:
    text = (TEMPLATES / "free5gc" / "uerouting.yaml.j2").read_text(encoding="utf-8").partition("#}")[2]
    assert yaml.safe_load(text)["info"]["version"] == "1.0.7"


@pytest.mark.parametrize("core", CORES)
def test_every_template_is_used(core: str) -> None:
    used = {file["template"] for nf in entries(core) for file in nf["configuration"]}
    assert used == {f"{core}/{path.name}" for path in (TEMPLATES / core).iterdir()}


def test_mongodb_is_where_the_user_says() -> None:
    for core, nfs in {"open5gs": ("udr", "pcf"), "free5gc": ("nrf", "udr", "pcf")}.items():
        for nf in nfs:
            assert "mongodb://192.0.2.50/core" in json.dumps(render(core, nf)), (core, nf)
        assert "nf_mongodb_uri" in load(COLLECTION / "cores" / f"{core}.yml")["needs"]


def test_programs_in_go_get_no_mptcp() -> None:
    assert all(nf["sysctls"]["net.mptcp.enabled"] == "0" for nf in entries("free5gc"))


def test_a_key_that_is_not_documented_is_found() -> None:
    assert list(keys({"amf": {"ngapp": [{"address": 1}]}})) == ["amf.ngapp[].address"]
    assert "amf.ngapp[].address" not in load(DOCUMENTED / "open5gs.yml")["keys"]["amf"]


SECRET_URI = "mongodb://core:password-of-mine@192.0.2.50/core"


def planned(tmp_path: Path, uri: str) -> str:
    """What the role says in check mode with --diff when it writes the files of a UDR and an NRF."""
    files = [
        {"nf": nf, "template": f"open5gs/{nf}.yaml.j2", "file": str(tmp_path / f"{nf}.yaml"), "path": f"/{nf}.yaml"}
        for nf in ("nrf", "udr")
    ]
    variables = {
        "nf_addresses": {"nrf": "192.0.2.33", "scp": "192.0.2.42", "udr": "192.0.2.39"},
        "nf_mongodb_uri": uri,
        "nf_described": {"configuration": files},
        "ansible_python_interpreter": sys.executable,
    }
    role = {"name": "organic.core5g.nf", "tasks_from": "configuration", "rolespec_validate": False}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": variables,
        "tasks": [{"ansible.builtin.include_role": role}],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    command = [sys.executable, "-m", "ansible.cli.playbook", "-i", "localhost,", "--check", "--diff"]
    project = COLLECTION.parents[2]
    run = subprocess.run(
        [*command, str(tmp_path / "play.yml")], cwd=project, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    said = planned(tmp_path, SECRET_URI)
    assert "password-of-mine" not in said
    assert "plmn_id" in said  # The file without the URI is shown.


def test_what_has_no_password_is_shown(tmp_path: Path) -> None:
    assert "mongodb://192.0.2.50/core" in planned(tmp_path, "mongodb://192.0.2.50/core")


def test_only_root_reaches_the_files_on_the_host() -> None:
    directories, _files = load(COLLECTION / "roles" / "nf" / "tasks" / "configuration.yml")
    assert directories["ansible.builtin.file"]["mode"] == "0700"
