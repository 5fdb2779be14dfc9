# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine asks of the Docker daemon, and what it makes of the answers; a fake daemon is on a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths, typed
from ansible_collections.organic.live_migration.plugins.module_utils.engines import docker
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Side
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker import DockerEngine
from ansible_collections.organic.live_migration.plugins.module_utils.engines.docker_answers import host_interface
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import (
    AddressPool,
    ContainerSpec,
    NetworkAttachment,
    NetworkSpec,
    RestartPolicy,
    VolumeMount,
)
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError, Refused
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_daemon import (
    ID,
    IMAGE_ID,
    MACVLAN,
    Daemon,
    container,
    serving,
)


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
def address(tmp_path: Path, daemon: Daemon) -> Iterator[str]:
    """The socket at which the daemon listens."""
    yield from serving(daemon, str(tmp_path / "docker.sock"))


@pytest.fixture
def engine(address: str) -> DockerEngine:
    return DockerEngine(address)


def target_answers(daemon: Daemon, network: dict[str, Any] | None = None) -> None:
    """A target host that has image and network."""
    daemon.answers[f"GET /images/{IMAGE_ID}/json"] = (200, {"Id": IMAGE_ID})
    daemon.answers["GET /images/organic/minicore:latest/json"] = (200, {"Id": IMAGE_ID})
    daemon.answers["GET /networks/core"] = (200, network or MACVLAN)
    daemon.answers["POST /containers/create"] = (201, {"Id": "new", "Warnings": []})


def inspected(daemon: Daemon, engine: DockerEngine) -> ContainerSpec:
    daemon.answers["GET /containers/smf/json"] = (200, container())
    spec = engine.inspect("smf")
    assert spec is not None
    return spec


@pytest.mark.parametrize(
    ("volume", "path"),
    [
        ({"Driver": "local", "Mountpoint": "/var/lib/docker/volumes/nf/_data", "Options": None},
         "/var/lib/docker/volumes/nf/_data"),
        ({"Driver": "local", "Mountpoint": "/var/lib/docker/volumes/nf/_data", "Options": {"type": "nfs"}}, ""),
        ({"Driver": "cloud", "Mountpoint": "/mnt", "Options": {}}, ""),
        (None, ""),
    ],
)  # fmt: skip
def test_a_volume_is_found_where_the_host_itself_keeps_it(
    daemon: Daemon, engine: DockerEngine, volume: Any, path: str
) -> None:
    daemon.answers["GET /volumes/nf"] = (404, {"message": "none"}) if volume is None else (200, volume)
    assert engine.path_of(VolumeMount("volume", "/etc/nf", False, "nf"), None) == path
    assert engine.path_of(VolumeMount("bind", "/etc/nf", False, "/srv/nf"), None) == "/srv/nf"
    assert engine.path_of(VolumeMount("tmpfs", "/tmp", False), None) == ""


def test_a_container_is_described_without_docker_s_words(daemon: Daemon, engine: DockerEngine) -> None:
    spec = inspected(daemon, engine)
    assert (spec.name, spec.id, spec.entrypoint, spec.await_key) == ("smf", ID, paths.INIT, "smf")
    assert (spec.image, spec.image_id) == ("organic/minicore:latest", IMAGE_ID)
    assert (spec.running, spec.pid, spec.started_at) == (True, 4711, "2026-01-02T03:04:05.678901234Z")
    assert spec.networks == (NetworkAttachment("core", "192.0.2.34", "02:42:c0:00:02:22", "", ("smf",)),)
    assert spec.mounts == (VolumeMount("bind", "/data", True, "/srv/data"),)
    assert spec.restart_policy == RestartPolicy("unless-stopped")
    assert (spec.tty, spec.host_network) == (False, False)
    assert typed.from_dict(ContainerSpec, json.loads(json.dumps(typed.to_dict(spec))), complete=True) == spec


@pytest.mark.parametrize("networks", [{}, {"core": {"IPAddress": "", "MacAddress": "", "Aliases": None}}])
def test_a_container_that_was_never_started_is_described(
    daemon: Daemon, engine: DockerEngine, networks: dict[str, Any]
) -> None:
    answer = container(Status="created", Pid=0, StartedAt="0001-01-01T00:00:00Z")
    answer["NetworkSettings"]["Networks"] = networks
    answer["HostConfig"].update(RestartPolicy={"Name": ""}, NetworkMode="host")
    answer.update(Path="/bin/server", Args=["--name", "../else"])
    del answer["GraphDriver"]
    daemon.answers["GET /containers/smf/json"] = (200, answer)
    spec = engine.inspect("smf")
    assert spec is not None
    assert (spec.running, spec.pid, spec.await_key, spec.host_network) == (False, 0, None, True)
    assert spec.restart_policy == RestartPolicy("no")
    assert spec.started_at_s < 0


def test_names_are_quoted_on_their_way_to_the_daemon(daemon: Daemon, engine: DockerEngine) -> None:
    daemon.answers["GET /containers/a?b/../c/json"] = (200, container())
    daemon.answers["GET /containers/json"] = (200, [])
    assert engine.inspect("a?b/../c") is not None
    assert engine.inspect("none") is None


def test_a_service_is_found_by_its_name(daemon: Daemon, engine: DockerEngine) -> None:
    answer = container()
    answer["Name"] = "/smf.1.5mfc1qf0ts5wn54wfqu21qx52"
    answer["Config"]["Labels"] = {"com.docker.swarm.service.name": "smf"}
    daemon.answers["GET /containers/json"] = (200, [{"Id": "beef"}, {"Id": "dead"}])
    daemon.answers["GET /containers/beef/json"] = (200, answer)
    spec = engine.inspect("smf")
    assert spec is not None
    assert (spec.service, spec.pid) == ("smf", 4711)
    [asked] = [each for each in daemon.asked if each.startswith("GET /containers/json")]
    assert '"label": ["com.docker.swarm.service.name=smf"]' in asked
    assert "exited" not in asked


def test_the_ended_tasks_of_a_service_are_told_from_one_that_awaits(daemon: Daemon, engine: DockerEngine) -> None:
    answers = {(): False, ("exited",): True, ("exited", "running"): False, ("exited", "created"): False}
    for states, expected in answers.items():
        daemon.answers["GET /containers/json"] = (200, [{"Id": str(n), "State": s} for n, s in enumerate(states)])
        assert engine.has_ended_task("smf") is expected


def test_a_container_on_its_own_is_of_no_service(daemon: Daemon, engine: DockerEngine) -> None:
    assert inspected(daemon, engine).service == ""
    assert not any(each.startswith("GET /containers/json") for each in daemon.asked)


def test_image_and_networks_are_looked_up(daemon: Daemon, engine: DockerEngine) -> None:
    target_answers(daemon)
    daemon.answers["GET /networks"] = (200, [MACVLAN, {"Name": "host", "Driver": "host", "IPAM": {"Config": None}}])
    assert engine.identity() == "daemon-id"
    assert engine.image_id("organic/minicore:latest") == IMAGE_ID
    assert engine.image_id("other:1") is None
    core = NetworkSpec("core", "macvlan", {"parent": "no-such-link"}, (AddressPool("192.0.2.0/24", "192.0.2.1"),))
    assert engine.networks() == [core, NetworkSpec("host", "host")]
    assert engine.network("core") == core
    assert engine.network("none") is None


def test_a_container_is_created_like_the_source_s_with_a_mac_of_its_own(daemon: Daemon, engine: DockerEngine) -> None:
    target_answers(daemon)
    spec = inspected(daemon, engine)
    assert engine.create_awaiting(spec) == "new"
    assert daemon.asked[-1] == "POST /containers/create name=smf"
    body = daemon.bodies["POST /containers/create"]
    assert body["Entrypoint"] == [paths.INIT, "--name", "smf", "--"]
    assert body["Image"] == "organic/minicore:latest"
    assert "MacAddress" not in body
    assert body["HostConfig"]["CapAdd"] == ["NET_ADMIN"]
    assert body["HostConfig"]["RestartPolicy"]["Name"] == "no"
    endpoint = body["NetworkingConfig"]["EndpointsConfig"]["core"]
    assert endpoint["IPAMConfig"] == {"IPv4Address": "192.0.2.34"}
    assert endpoint["Aliases"] == ["smf"]
    assert endpoint["MacAddress"] != spec.networks[0].mac


def test_a_container_to_restore_into_has_the_same_mac(daemon: Daemon, engine: DockerEngine) -> None:
    target_answers(daemon)
    spec = inspected(daemon, engine)
    daemon.answers["GET /images/organic/minicore:latest/json"] = (200, {"Id": "sha256:other"})
    assert engine.checkpoints.create_stopped(spec) == "new"
    body = daemon.bodies["POST /containers/create"]
    assert body["NetworkingConfig"]["EndpointsConfig"]["core"]["MacAddress"] == spec.networks[0].mac
    assert body["Image"] == IMAGE_ID  # the tag means another image on this host


def test_an_old_daemon_takes_one_mac_for_the_container(daemon: Daemon, address: str) -> None:
    target_answers(daemon)
    daemon.version = "1.43"
    daemon.answers["GET /version"] = (200, {"ApiVersion": "1.43"})
    engine = DockerEngine(address)
    engine.create_awaiting(inspected(daemon, engine))
    body = daemon.bodies["POST /containers/create"]
    assert body["MacAddress"] == body["NetworkingConfig"]["EndpointsConfig"]["core"]["MacAddress"]


@pytest.mark.parametrize(
    ("network", "code"),
    [
        (MACVLAN, None),
        ({**MACVLAN, "Driver": "ipvlan"}, "ipvlan"),
        ({**MACVLAN, "Driver": "overlay"}, None),
    ],
)
def test_networks_on_which_no_container_can_await(
    daemon: Daemon, engine: DockerEngine, network: dict[str, Any], code: str | None
) -> None:
    target_answers(daemon, network)
    blockers = engine.blockers(inspected(daemon, engine), Side.TARGET)
    assert [blocker.code for blocker in blockers] == [code] * (code is not None)


def test_every_blocker_of_a_target_is_reported_at_once(daemon: Daemon, address: str) -> None:
    daemon.version = "1.43"
    daemon.answers["GET /version"] = (200, {"ApiVersion": "1.43"})
    daemon.answers["GET /networks/bridge"] = (200, {**MACVLAN, "Driver": "bridge", "Name": "bridge"})
    engine = DockerEngine(address)
    answer = container()
    answer["NetworkSettings"]["Networks"]["bridge"] = answer["NetworkSettings"]["Networks"]["core"]
    daemon.answers["GET /containers/smf/json"] = (200, answer)
    spec = engine.inspect("smf")
    assert spec is not None
    codes = [blocker.code for blocker in engine.blockers(spec, Side.TARGET)]
    assert codes == ["image_missing", "engine_too_old", "network_missing", "default_network"]
    assert engine.blockers(spec, Side.SOURCE) == []


@pytest.mark.parametrize(
    ("network", "interface"),
    [
        (MACVLAN, "no-such-link"),
        ({"Driver": "bridge", "Id": "0123456789abcdef", "Options": {}}, "br-0123456789ab"),
        ({"Driver": "bridge", "Id": "0", "Options": {"com.docker.network.bridge.name": "core0"}}, "core0"),
        ({"Driver": "overlay", "Id": "0", "Options": None}, None),
    ],
)
def test_the_interface_that_leads_into_a_network(network: dict[str, Any], interface: str | None) -> None:
    assert host_interface(network) == interface


@pytest.mark.parametrize(
    ("policy", "state", "started"),
    [
        ("always", {"Status": "exited", "ExitCode": 0}, True),
        ("unless-stopped", {"Status": "exited", "ExitCode": 0}, True),
        ("on-failure", {"Status": "exited", "ExitCode": 1}, True),
        ("on-failure", {"Status": "exited", "ExitCode": 0}, False),
        ("no", {"Status": "exited", "ExitCode": 1}, False),
        ("always", {"Status": "running", "ExitCode": 0}, False),
        ("always", None, False),
    ],
)
def test_what_ended_is_started_as_its_policy_says_and_a_refusal_is_no_failure(
    daemon: Daemon, engine: DockerEngine, policy: str, state: dict[str, Any] | None, started: bool
) -> None:
    if state is not None:
        daemon.answers["GET /containers/smf/json"] = (200, container(**state))
    daemon.answers["POST /containers/smf/start"] = (500, {"message": "port is already allocated"})
    engine.restart_if_ended("smf", RestartPolicy(policy))
    assert ("POST /containers/smf/start" in daemon.asked) is started


def test_a_start_that_is_refused_says_why(daemon: Daemon, engine: DockerEngine) -> None:
    daemon.answers["POST /containers/smf/start"] = (500, {"message": "address is in use"})
    with pytest.raises(EngineError, match=r"refused to start the container: address is in use"):
        engine.start("smf")


def test_a_container_that_ends_as_soon_as_it_was_started_is_no_success(daemon: Daemon, engine: DockerEngine) -> None:
    daemon.answers["POST /containers/smf/start"] = (204, None)
    daemon.answers["GET /containers/smf/json"] = (200, container(Status="exited", Pid=0))
    with pytest.raises(EngineError, match="ended as soon as it was started"):
        engine.start("smf")
    daemon.answers["GET /containers/smf/json"] = (200, container())
    assert engine.start("smf").pid == 4711


def test_restarts_are_suspended_and_restored(daemon: Daemon, engine: DockerEngine) -> None:
    daemon.answers["POST /containers/smf/update"] = (200, {"Warnings": None})
    engine.suspend_restarts("smf")
    assert daemon.bodies["POST /containers/smf/update"]["RestartPolicy"]["Name"] == "no"
    engine.restore_restarts("smf", RestartPolicy("on-failure", 3))
    policy = {"Name": "on-failure", "MaximumRetryCount": 3}
    assert daemon.bodies["POST /containers/smf/update"] == {"RestartPolicy": policy}


def test_what_is_gone_needs_nothing_done(daemon: Daemon, engine: DockerEngine) -> None:
    engine.suspend_restarts("smf")
    engine.remove("smf")
    engine.wait_until_stopped("smf")
    engine.wait_until_exit_seen("smf", 7, 60)
    assert daemon.asked[1:] == [
        "POST /containers/smf/update",
        "DELETE /containers/smf force=1 v=1",
        "POST /containers/smf/wait",
        "GET /containers/smf/json",
    ]


@pytest.mark.parametrize("running", [True, False])
def test_a_running_container_is_removed_only_if_wanted(daemon: Daemon, engine: DockerEngine, running: bool) -> None:
    daemon.answers["DELETE /containers/smf"] = (409, {"message": "container is running"})
    with pytest.raises(EngineError, match="refused to remove the container: container is running"):
        engine.remove("smf", running=running)
    assert daemon.asked[-1] == f"DELETE /containers/smf force={int(running)} v=1"


def test_a_container_that_another_removes_is_awaited(
    daemon: Daemon, engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["DELETE /containers/smf"] = (409, {"message": "removal of container smf is already in progress"})
    daemon.answers["GET /containers/smf/json"] = (404, {"message": "No such container: smf"})
    engine.remove("smf")
    daemon.answers["GET /containers/smf/json"] = (200, container())
    monkeypatch.setattr(docker, "_REMOVAL_TIMEOUT_S", 0.05)
    with pytest.raises(EngineError, match="already in progress"):
        engine.remove("smf")


def test_waiting_for_the_end_has_an_end(daemon: Daemon, engine: DockerEngine) -> None:
    daemon.answers["POST /containers/smf/wait"] = (200, {"StatusCode": 0})
    engine.wait_until_stopped("smf")
    daemon.delays["POST /containers/smf/wait"] = threading.Event()
    with pytest.raises(EngineError, match="did not answer POST /containers/smf/wait in time"):
        engine.wait_until_stopped("smf", timeout_s=0.05)


@pytest.mark.parametrize("state", [{"Pid": 0}, {"Pid": 8}, None], ids=["ended", "restarted", "gone"])
def test_the_end_of_a_container_is_seen(daemon: Daemon, engine: DockerEngine, state: dict[str, Any] | None) -> None:
    what = "GET /containers/smf/json"
    daemon.answers[what] = (200, container(Pid=7))
    began = time.monotonic()
    engine.wait_until_exit_seen("smf", 7, 0.1)
    assert time.monotonic() - began >= 0.1
    after = (404, {"message": "gone"}) if state is None else (200, container(**state))
    threading.Timer(0.1, lambda: daemon.answers.update({what: after})).start()
    began = time.monotonic()
    engine.wait_until_exit_seen("smf", 7, 60)
    assert time.monotonic() - began < 60


def test_checkpoints_need_an_experimental_daemon(daemon: Daemon, engine: DockerEngine) -> None:
    assert engine.checkpoints.blockers() == []
    daemon.answers["GET /info"] = (200, {"ID": "daemon-id", "ExperimentalBuild": False, "DockerRootDir": "/d"})
    assert [blocker.code for blocker in engine.checkpoints.blockers()] == ["engine_not_experimental"]
    assert engine.checkpoints.directory(ID, "1") == f"/d/containers/{ID}/checkpoints/1"


def test_the_layer_of_a_container_needs_overlay2(daemon: Daemon, engine: DockerEngine) -> None:
    assert engine.checkpoints.upper_directory(inspected(daemon, engine)) == "/var/lib/docker/u"
    answer = container()
    del answer["GraphDriver"]
    daemon.answers["GET /containers/smf/json"] = (200, answer)
    spec = engine.inspect("smf")
    assert spec is not None
    with pytest.raises(EngineError, match="overlay2"):
        engine.checkpoints.upper_directory(spec)


def test_an_engine_that_is_not_there_is_a_blocker(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="does not answer") as refused:
        DockerEngine(str(tmp_path / "none.sock"))
    assert [blocker.code for blocker in refused.value.blockers] == ["engine_unreachable"]


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (500, {"message": "broken"}, "broken"),
        (500, b"<html>", "<html>"),
        (500, None, "status 500"),
        (200, b"<html>", "something else than JSON"),
    ],
)
def test_a_daemon_that_answers_wrongly(
    daemon: Daemon, engine: DockerEngine, status: int, content: Any, message: str
) -> None:
    daemon.answers["GET /containers/smf/json"] = (status, content)
    with pytest.raises(EngineError, match=message):
        engine.inspect("smf")


def test_only_what_runs_is_listed(daemon: Daemon, engine: DockerEngine) -> None:
    daemon.answers["GET /containers/json"] = (200, [{"Id": "a", "Names": ["/smf"]}, {"Id": "b", "Names": ["/gone"]}])
    daemon.answers["GET /containers/smf/json"] = (200, container())
    daemon.answers["GET /containers/gone/json"] = (404, {"message": "No such container"})
    assert [spec.name for spec in engine.running_containers()] == ["smf"]
