"""One life of a lab: up, in use, hurt, repaired, down, and nothing of it is left."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.playbook import PROJECT, TEXT_ENVIRONMENT
from tests.harness.wait import until

from .conftest import ENGINES, HOSTS, INVENTORY, NAME, PREFIX, STATE, Lab
from .snapshot import Snapshot, connections_to, namespaces_of, other_labs, processes_in

PING = ["ansible", "-i", str(INVENTORY), "all", "-m", "ansible.builtin.ping"]


def first_process(host: str) -> int:
    """PID of a host's PID 1 on the machine."""
    return int(json.loads((STATE / "hosts" / host / "process.json").read_text(encoding="utf-8"))["pid"])


@dataclass
class Life:
    """What was seen before the lab was up."""

    before: Snapshot
    others: frozenset[str]

    def compared(self) -> tuple[Snapshot, Snapshot]:
        """Then and now, both without the labs that were there then or are now."""
        now, others = Snapshot.take(), self.others | other_labs(NAME)
        return self.before.without(others), now.without(others)


@pytest.fixture(scope="module")
def life(lab: Lab) -> Iterator[Life]:
    """Bring the lab up; whatever a test does to it, it is down at the end."""
    lab.down()
    life = Life(Snapshot.take(), other_labs(NAME))
    try:
        assert lab.up() > 0
        yield life
    finally:
        lab.down()


@pytest.mark.usefixtures("life")
class TestUp:
    """The lab is in use."""

    @pytest.mark.parametrize("host", HOSTS)
    def test_host_is_a_server_of_its_own(self, lab: Lab, host: str) -> None:
        said = lab.ssh(host, "hostname; cat /proc/1/cmdline | tr '\\0' ' '; echo; ls /sys/class/net | tr '\\n' ' '")
        name, init, links = said.splitlines()
        assert name == host
        assert init.startswith("organic-lab-init")
        assert {"lo", "eth0", "eth1"} <= set(links.split())

    @pytest.mark.parametrize("device", ["null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun", "ptmx"])
    def test_devices(self, lab: Lab, device: str) -> None:
        lab.ssh("edge-a", f"test -c /dev/{device}")

    def test_userfaultfd_if_the_machine_has_it(self, lab: Lab) -> None:
        there = Path("/dev/userfaultfd").exists()
        assert (lab.ssh("edge-a", "test -c /dev/userfaultfd && echo yes", check=False) == "yes\n") == there

    @pytest.mark.parametrize("host", ENGINES)
    def test_engine(self, lab: Lab, host: str) -> None:
        info = json.loads(lab.ssh(host, "docker info --format '{{json .}}'"))
        assert info["Name"] == host
        assert info["ExperimentalBuild"] is True
        assert info["LiveRestoreEnabled"] is False

    def test_no_engine_for_the_clients(self, lab: Lab) -> None:
        assert lab.ssh("ran-a", "docker info --format '{{.Name}}' || true").strip() == ""

    @pytest.mark.parametrize("host", ENGINES)
    def test_criu_dumps_and_restores_a_connection(self, lab: Lab, host: str) -> None:
        version = lab.ssh(host, "criu --version").split()[1]
        assert tuple(map(int, version.split(".")[:2])) >= (4, 2)
        lab.ssh(host, "cat >/root/talk.py", stdin=(Path(__file__).parent / "talk.py").read_bytes())
        lab.ssh(
            host,
            "set -e; cd /root; mkdir -p img; setsid python3 talk.py </dev/null >/dev/null 2>&1 &\n"
            "cd /root; while ! test -s answers; do :; done; pid=$(cat pid)\n"
            "criu dump -t $pid -D img --tcp-established -o dump.log && ! test -d /proc/$pid\n"
            "criu restore -D img --tcp-established -d -o restore.log && test -d /proc/$pid\n"
            "seen=$(cat answers); while test $(cat answers) = $seen; do test -d /proc/$pid || exit 1; done; kill $pid",
        )

    def test_services_are_supervised(self, lab: Lab) -> None:
        old = lab.ssh("edge-b", "cat /run/docker.pid").strip()
        lab.ssh("edge-b", f"kill -9 {old}")

        def answers() -> bool:
            new = lab.ssh("edge-b", "docker info --format '{{.Name}}' >&2 && cat /run/docker.pid", check=False).strip()
            return new not in ("", old)

        until(answers, "the engine answers again", 30)

    def test_containers_meet_across_hosts(self, lab: Lab) -> None:
        with io.BytesIO() as buffer:
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                shell = tarfile.TarInfo("bin/busybox")
                binary = (Path(f"/proc/{first_process('edge-a')}/root") / "usr/bin/busybox").read_bytes()
                shell.size, shell.mode = len(binary), 0o755
                tar.addfile(shell, io.BytesIO(binary))
            root = buffer.getvalue()
        for number, host in enumerate(ENGINES, start=33):
            lab.ssh(host, "docker import - tiny:1", stdin=root)
            lab.ssh(host, f"docker network create -d macvlan -o parent=eth0 --subnet {PREFIX}.0.0/24 core")
            lab.ssh(
                host,
                f"docker run -d --name tiny --memory 64m --network core --ip {PREFIX}.0.{number} tiny:1 "
                "/bin/busybox sleep 1000000",
            )
        lab.ssh("ran-a", f"ping -c 1 -W 5 {PREFIX}.0.33 && ping -c 1 -W 5 {PREFIX}.0.34")
        lab.ssh("edge-a", f"docker exec tiny /bin/busybox ping -c 1 -W 5 {PREFIX}.0.34")

    def test_orphans_are_reaped(self, lab: Lab) -> None:
        lab.ssh("ran-a", "(setsid sh -c 'exit 0' &) ; (true &)")
        until(lambda: "Z" not in lab.ssh("ran-a", "ps -A -o state=").split(), "no zombies", 5)

    def test_inventory(self) -> None:
        command = ["ansible-inventory", "-i", str(INVENTORY), "--list"]
        groups = json.loads(subprocess.check_output(command, cwd=PROJECT, env=TEXT_ENVIRONMENT, text=True))
        assert groups["nf_hosts"]["hosts"] == list(ENGINES)
        assert groups["ran"]["hosts"] == ["ran-a"]
        facts = groups["_meta"]["hostvars"]["edge-a"]
        assert facts["ansible_host"] == HOSTS["edge-a"]
        assert facts["ansible_user"] == "root"
        assert facts["ansible_python_interpreter"] == "/usr/bin/python3"
        assert facts["nf_network_parent"] == "eth0"
        assert facts["nf_network_subnet"] == f"{PREFIX}.0.0/24"
        assert facts["nf_bridge_uplink"] == "eth1"
        addresses = facts["nf_addresses"]
        assert (addresses["nrf"], addresses["front"]) == (f"{PREFIX}.0.33", f"{PREFIX}.0.43")
        assert addresses["upf-standby"] == f"{PREFIX}.0.45"
        assert len(set(addresses.values())) == len(addresses) == 12
        subprocess.run(PING, cwd=PROJECT, env=TEXT_ENVIRONMENT, check=True)

    def test_second_run_changes_nothing(self, lab: Lab) -> None:
        pids = [first_process(host) for host in HOSTS]
        assert lab.up() == 0
        assert lab.up("--check") == 0
        assert [first_process(host) for host in HOSTS] == pids

    def test_check_of_down_takes_nothing_down(self, lab: Lab) -> None:
        assert lab.down("--check") > 0
        assert lab.ssh("edge-a", "hostname") == "edge-a\n"


@pytest.mark.usefixtures("life")
class TestRepair:
    """The lab was hurt."""

    def test_dead_host_is_started_again_with_its_disk(self, lab: Lab) -> None:
        lab.ssh("edge-b", "echo kept >/root/file; sync")
        others = {host: first_process(host) for host in ("edge-a", "ran-a")}
        init = os.pidfd_open(first_process("edge-b"))
        signal.pidfd_send_signal(init, signal.SIGKILL)
        os.close(init)
        assert lab.up("--check") == 1
        assert lab.up() == 1
        assert lab.ssh("edge-b", "cat /root/file; docker image inspect --format '{{.Os}}' tiny:1") == "kept\nlinux\n"
        assert {host: first_process(host) for host in others} == others

    def test_ports_that_were_left_down(self, lab: Lab) -> None:
        subprocess.run(["ip", "-n", f"{NAME}-switch", "link", "set", "edge-a-0", "down"], check=True)
        assert lab.up() == 1
        assert lab.ssh("edge-a", "hostname") == "edge-a\n"

    def test_lost_switch(self, lab: Lab) -> None:
        subprocess.run(["ip", "netns", "delete", f"{NAME}-switch"], check=True)
        assert lab.up() == 1
        assert lab.ssh("edge-a", "hostname") == "edge-a\n"


class TestDown:
    """The lab is gone. These run in the order in which they stand."""

    def test_nothing_is_left_of_a_lab_in_use(self, lab: Lab, life: Life) -> None:
        before, now = life.compared()
        assert all(getattr(now, kind) > getattr(before, kind) for kind in Snapshot.KINDS), now
        mine = namespaces_of(os.getpid())
        namespaces = frozenset().union(*(namespaces_of(first_process(host)) for host in HOSTS)) - mine
        assert len(namespaces) == 6 * len(HOSTS)
        # A process that is frozen does not even die, and one that came in from outside is not below PID 1.
        lab.ssh(
            "edge-a",
            "setsid sleep 1000000 </dev/null >/dev/null 2>&1 & cd /sys/fs/cgroup/freezer 2>/dev/null || exit 0\n"
            "set -e; mkdir stuck; echo $! >stuck/cgroup.procs; echo FROZEN >stuck/freezer.state",
        )
        subprocess.run(PING, cwd=PROJECT, env=TEXT_ENVIRONMENT, check=True)
        visitor = subprocess.Popen(["ip", "netns", "exec", f"{NAME}-edge-b", "sleep", "1000000"])
        assert len(processes_in(namespaces)) > len(HOSTS)
        # Ansible keeps its connections open for a while; they have to end as well.
        assert connections_to(f"{PREFIX}.")

        assert lab.down() > 0

        assert visitor.wait(5) == -signal.SIGKILL
        assert processes_in(namespaces) == []
        before, after = life.compared()
        assert after == before
        assert not INVENTORY.parent.exists()
        until(lambda: not connections_to(f"{PREFIX}."), "no connections to the lab", 5)

    def test_down_again_changes_nothing(self, lab: Lab) -> None:
        assert lab.down() == 0

    def test_half_built_lab(self, lab: Lab, life: Life) -> None:
        """As if lab_up had been killed between two steps."""
        for name in ("switch", "edge-a"):
            subprocess.run(["ip", "netns", "add", f"{NAME}-{name}"], check=True)
        port = ["ip", "-n", f"{NAME}-switch", "link", "add", "edge-a-0", "type", "veth", "peer", "eth0"]
        subprocess.run([*port, "netns", f"{NAME}-edge-a"], check=True)
        subprocess.run(["ip", "link", "add", f"{NAME}0", "type", "bridge"], check=True)
        for hierarchy in Path("/sys/fs/cgroup").iterdir():
            if hierarchy.is_dir():
                (hierarchy / f"organic-{NAME}-edge-a/docker").mkdir(parents=True, exist_ok=True)
        (STATE / "hosts/edge-a/upper").mkdir(parents=True)
        assert lab.down() > 0
        before, after = life.compared()
        assert after == before


@pytest.mark.exhaustive
def test_the_cache_of_root_file_systems_goes_too_if_that_is_wanted(lab: Lab, tmp_path: Path) -> None:
    """By -e namespace_hosts_purge=true, with a cache of its own: all labs of the machine share the other one."""
    cache = tmp_path / "cache"
    (cache / "trixie-0000/root").mkdir(parents=True)
    purge = ["-e", "namespace_hosts_purge=true", "-e", f"namespace_hosts_cache={cache}"]
    assert lab.down("-e", f"namespace_hosts_cache={cache}") == 0
    assert lab.down(*purge, "--check") == 1
    assert cache.is_dir()
    assert lab.down(*purge) == 1
    assert not cache.exists()
    assert lab.down(*purge) == 0


@pytest.mark.exhaustive
def test_make_clean_removes_what_was_made_and_nothing_else(tmp_path: Path) -> None:
    """In a copy of this checkout, with a cache of its own."""
    cache, checkout = tmp_path / "cache", tmp_path / "checkout"
    cache.mkdir()
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    files = [Path(name) for name in subprocess.check_output(listed, cwd=PROJECT, text=True).split("\0") if name]
    for file in files:
        (checkout / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / file, checkout / file, follow_symlinks=False)
    (checkout / ".venv").symlink_to((PROJECT / ".venv").resolve())
    made = ("artifacts/demo/migration.json", ".cache/demo/lab.provided", "tests/lab/__pycache__/a.pyc",
            "collections/ansible_collections/organic/lab/tests/output/junit/a.xml")  # fmt: skip
    for name in made:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    lab = f"-e lab_name={NAME} -e lab_network_prefix={PREFIX} -e namespace_hosts_cache={cache}"
    done = subprocess.run(
        ["make", "clean", f"lab_vars={lab}"],
        cwd=checkout,
        env=TEXT_ENVIRONMENT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not cache.exists()
    left = {path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file() or path.is_symlink()}
    assert left == {*files, Path(".venv")}
