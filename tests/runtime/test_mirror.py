# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet mirror: a process and its clone in step, the handover, and each way in which they part."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.network.mirror import MirrorEnded, SourceMirror

from .conftest import SOURCES
from .mirror_hosts import OWNER, PORT, Hosts, Pair, Repeater, Sniffer, armed, hosts, run, wait_for

SANITIZERS = {
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-fsanitize=thread"],
}
LONG_BYTES = 1 << 18
"""Of mirror_server.py."""
FOUND_WITHIN_MS = 2000.0
"""After that a clone counts as too far behind. On a quiet machine it is 0.1 to 6 ms; 1 s was seen at a load of 15."""


def built(directory: Path, *flags: str) -> str:
    """The mirror with fault injection, and with sanitizers."""
    program = directory / "mirror"
    sources = sorted((SOURCES / "mirror").glob("*.c"))
    options = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-DMIRROR_FAULTS", *flags]
    subprocess.run(["gcc", *options, "-o", str(program), *map(str, sources)], check=True)
    return str(program)


@pytest.fixture(autouse=True)
def program(init: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MIRROR", str(init.with_name("mirror")))


@pytest.fixture(scope="module")
def with_faults(tmp_path_factory: pytest.TempPathFactory) -> str:
    return built(tmp_path_factory.mktemp("faults"), *SANITIZERS["address"])


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def net(request: pytest.FixtureRequest) -> Iterator[Hosts]:
    with hosts(request.param) as made:
        yield made


@pytest.fixture
def net4() -> Iterator[Hosts]:
    with hosts() as made:
        yield made


def await_answers(pair: Pair, count: int) -> None:
    wanted = len(pair.client.answers) + count
    wait_for(lambda: pair.client.failed or len(pair.client.answers) >= wanted, f"{count} answers")
    assert not pair.client.failed


def hand_over(pair: Pair) -> float:
    """From the hold to the clone's first word, in milliseconds; the process ends."""
    began = time.monotonic()
    pair.source.hold()
    assert pair.source.await_quiet(2)
    end = pair.source.begin_handover()
    assert pair.target.await_end(end, 2), (end, pair.source.state(), pair.target.state())
    state = pair.target.state()
    assert (state.inputs, state.chain, state.in_step, state.void) == (end.inputs, end.chain, True, "")
    pair.source.mute()
    pair.target.unmute()
    pair.source.forward_late()
    taken_ms = (time.monotonic() - began) * 1000
    pair.process.kill()
    return taken_ms


def all_different(answers: list[bytes]) -> bool:
    """Each answer depends on all requests so far: a lost or doubled request would show."""
    return len({said[8:] for said in answers}) == len(answers)


def finish(pair: Pair) -> None:
    run(pair.hosts.source, "ip", "link", "set", "eth0", "down")
    pair.source.discard()
    pair.target.finish()


def test_both_say_the_same_and_the_clone_takes_over(net: Hosts) -> None:
    sniffer = Sniffer(net)
    pair = armed(net)
    pair.client.start()
    await_answers(pair, 400)
    assert sniffer.times["target"] == [], "nothing of the clone leaves before the commit"
    hand_over(pair)
    said_until = time.monotonic()
    await_answers(pair, 200)
    finish(pair)
    await_answers(pair, 100)
    pair.client.stop()
    sniffer.stop()
    assert [at for at in sniffer.times["source"] if at > said_until + 0.1] == [], "nothing of the process after it"
    assert all_different(pair.client.answers)


def test_a_new_connection_waits_and_is_the_clones(net: Hosts) -> None:
    pair = armed(net)
    pair.client.start()
    end = net.open_socket(net.client, socket.SOCK_STREAM)
    end.setblocking(False)
    assert end.connect_ex((net.address, PORT)) != 0
    wait_for(lambda: pair.source.state().held_connections == 1, "a held connection")
    await_answers(pair, 50)
    hand_over(pair)
    end.settimeout(10)
    wait_for(lambda: end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, "no error")
    end.sendall(b"new00000new00000")
    assert end.recv(16, socket.MSG_WAITALL)[:8] == b"new00000"
    pair.client.stop()
    finish(pair)


def test_a_new_connection_does_not_wait_for_a_clone_that_takes_long(net: Hosts) -> None:
    pair = armed(net, max_wait_ms=5)
    end = net.open_socket(net.client, socket.SOCK_STREAM)
    began = time.monotonic()
    end.connect((net.address, PORT))
    waited_s = time.monotonic() - began
    end.sendall(b"new00000new00000")
    assert end.recv(16, socket.MSG_WAITALL)[:8] == b"new00000"
    assert 1 <= waited_s < 3, "it is let in after 1 s"
    assert "a new connection waited" in pair.source.state().void
    wait_for(lambda: "gave the attempt up" in pair.target.state().void, "the target knows")


def test_connections_alone_are_held_before_the_clone_is_made(net4: Hosts) -> None:
    pair = armed(net4)
    pair.source.release()
    again = SourceMirror(net4.source, OWNER)
    ours, _theirs = socket.socketpair()
    again.arm([pair.process.pid], [net4.address], ours)
    net4.stack.callback(again.release)
    again.hold_connections()
    end = net4.open_socket(net4.client, socket.SOCK_STREAM)
    end.setblocking(False)
    end.connect_ex((net4.address, PORT))
    pair.client.start()
    await_answers(pair, 50)
    assert (again.state().phase, again.state().held_connections) == ("pass", 1)
    again.hold()
    again.open_turnstile()  # nothing was marked: the process was not at rest
    await_answers(pair, 50)
    assert (again.state().phase, again.state().held_connections) == ("pass", 1)
    again.release()
    end.settimeout(10)
    wait_for(lambda: end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0, "no error")
    end.sendall(b"new00000new00000")
    assert end.recv(16, socket.MSG_WAITALL)[:8] == b"new00000"
    pair.client.stop()


def test_what_comes_after_in_step_makes_the_attempt_void_no_more(net4: Hosts) -> None:
    """The source commits: a clone that waits for that, and whose timers fire meanwhile, must still take over."""
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 50)
    pair.source.hold()
    assert pair.source.await_quiet(2)
    pair.process.send_signal(signal.SIGSTOP)
    assert pair.target.await_end(pair.source.begin_handover(), 2)
    pair.clone.send_signal(signal.SIGUSR1)  # it says something by itself
    time.sleep(0.6)  # longer than a clone may have said more than the process
    assert pair.target.state().void == ""
    pair.source.mute()
    pair.target.unmute()
    pair.source.forward_late()
    pair.process.kill()
    await_answers(pair, 50)
    pair.client.stop()
    finish(pair)


def test_late_input_waits_for_the_order_to_speak(net: Hosts) -> None:
    """The source sends it as soon as it commits; the order to the clone's mirror comes another way, and later."""
    pair = armed(net)
    pair.client.start()
    await_answers(pair, 50)
    pair.client.stop()
    pair.source.hold()
    assert pair.source.await_quiet(2)
    datagrams = pair.client.ends[-1]
    for number in range(5):
        datagrams.send(f"late{number:04d}late{number:04d}".encode())
    wait_for(lambda: pair.source.state().held == 5, "all are held")
    pair.process.send_signal(signal.SIGSTOP)
    assert pair.target.await_end(pair.source.begin_handover(), 2)
    pair.source.mute()
    pair.source.forward_late()
    wait_for(lambda: pair.source.state().held == 0, "they are sent on")
    assert pair.target.state().void == ""
    pair.target.unmute()
    pair.process.kill()
    assert [datagrams.recv(16)[:8] for _number in range(5)] == [f"late{number:04d}".encode() for number in range(5)]
    finish(pair)


def test_an_idle_and_a_half_closed_connection_live_on(net4: Hosts) -> None:
    pair = armed(net4, connections=3)
    idle, half = pair.client.ends[0], pair.client.ends[1]
    pair.client.ends = pair.client.ends[2:]
    half.sendall(b"half0000half0000")
    assert half.recv(16, socket.MSG_WAITALL)[:8] == b"half0000"
    half.shutdown(socket.SHUT_WR)
    assert half.recv(16) == b"", "the server closes it then"
    pair.client.start()
    await_answers(pair, 100)
    hand_over(pair)
    idle.sendall(b"idle0000idle0000")
    assert idle.recv(16, socket.MSG_WAITALL)[:8] == b"idle0000"
    await_answers(pair, 50)
    pair.client.stop()
    finish(pair)


def test_a_connection_that_the_process_opens_is_the_clones(net: Hosts) -> None:
    """Its first packet waits: after the handover the clone's own is sent, and the process's never."""
    pair = armed(net)
    with libc.network_namespace(net.client):
        listener = net.stack.enter_context(socket.create_server((net.client_address, 9001), family=net.family))
    pair.client.ends[-1].send(b"first000first000")  # by UDP
    assert pair.client.ends[-1].recv(16)[:8] == b"first000"
    pair.client.start()
    pair.client.next_prefix = b"connect"
    await_answers(pair, 60)
    listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.accept()
    assert pair.target.state().in_step or pair.target.state().answers_compared > 50
    hand_over(pair)
    listener.settimeout(10)
    end = net.stack.enter_context(listener.accept()[0])
    end.settimeout(10)
    end.sendall(b"outward0outward0")
    assert end.recv(16, socket.MSG_WAITALL)[:8] == b"outward0"
    await_answers(pair, 50)
    pair.client.stop()
    finish(pair)


def test_packets_lost_and_repeated_on_the_wire_part_nothing(net4: Hosts) -> None:
    pair = armed(net4, datagrams=False)
    rule = ["-p", "tcp", "-m", "statistic", "--mode", "random", "--probability", "0.04", "-j", "DROP"]
    for chain in ("INPUT", "OUTPUT"):
        run(net4.client, "iptables", "-A", chain, *rule)
    repeater = Repeater(net4)
    pair.client.start()
    for _round in range(4):
        await_answers(pair, 30)
        assert (pair.source.state().void, pair.target.state().void) == ("", "")
    repeater.stop()
    assert repeater.sent > 10
    hand_over(pair)
    await_answers(pair, 50)
    pair.client.stop()
    finish(pair)
    assert all_different(pair.client.answers)


def test_what_the_peer_has_not_acknowledged_is_repeated_by_the_clone(net4: Hosts) -> None:
    """The answer is lost on its way; the process is gone when its time-out comes."""
    pair = armed(net4, connections=2)
    lossy = pair.client.ends[0]
    pair.client.ends = pair.client.ends[1:]
    pair.client.start()
    await_answers(pair, 50)
    rule = ["INPUT", "-p", "tcp", "--dport", str(lossy.getsockname()[1]), "-j", "DROP"]
    run(net4.client, "iptables", "-A", *rule)
    before = pair.target.state().inputs
    lossy.sendall(b"lossy000lossy000")
    wait_for(lambda: pair.target.state().inputs > before, "the request has come")
    hand_over(pair)
    assert not select.select([lossy], [], [], 0)[0]
    run(net4.client, "iptables", "-D", *rule)
    assert lossy.recv(16, socket.MSG_WAITALL)[:8] == b"lossy000"
    await_answers(pair, 50)
    pair.client.stop()
    finish(pair)


def test_an_answer_longer_than_the_congestion_window(net4: Hosts) -> None:
    """The clone may send 10 segments at first; acknowledgements must not wait behind what it has not said."""
    pair = armed(net4, connections=2)
    for end in pair.client.ends[:2]:
        end.sendall(b"long0000long0000")
        left = LONG_BYTES
        while left:
            said = len(end.recv(left))
            assert said
            left -= said
    wait_for(lambda: pair.target.state().bytes_compared >= 2 * LONG_BYTES, "the clone has said it")
    pair.client.start()
    await_answers(pair, 50)
    hand_over(pair)
    pair.client.stop()
    finish(pair)


def test_threads_stay_in_step_when_each_input_runs_to_rest(net4: Hosts) -> None:
    pair = armed(net4, threads=4)
    pair.client.start()
    await_answers(pair, 300)
    hand_over(pair)
    await_answers(pair, 100)
    pair.client.stop()
    assert all_different(pair.client.answers)
    finish(pair)


def test_a_clone_in_a_frozen_group_gets_nothing(net4: Hosts) -> None:
    """In version 2 of the control groups its threads look asleep."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    group = Path(next(fields[1] for fields in mounts if fields[2] == "cgroup2"), f"organic-mirror-{os.getpid()}")
    group.mkdir()
    pair = armed(net4, frozen_in=group)
    try:
        pair.client.start()
        await_answers(pair, 50)
        frozen = pair.target.state()
        (group / "cgroup.freeze").write_text("0")
        wait_for(lambda: pair.target.state().inputs >= 50, "the clone catches up")
        assert (frozen.inputs, frozen.void) == (0, "")
        assert pair.target.state().void == ""
        hand_over(pair)
        pair.client.stop()
    finally:
        (group / "cgroup.freeze").write_text("0")
        pair.clone.kill()
        pair.clone.wait()
        wait_for(lambda: "populated 0" in (group / "cgroup.events").read_text(), "the group is empty")
        group.rmdir()


def test_a_handover_is_given_up_and_tried_again(net4: Hosts) -> None:
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 50)
    pair.source.hold()
    assert pair.source.await_quiet(2)
    pair.source.begin_handover()
    pair.source.open_turnstile()
    await_answers(pair, 100)
    hand_over(pair)
    await_answers(pair, 50)
    pair.client.stop()
    assert all_different(pair.client.answers)
    finish(pair)


def test_release_leaves_no_rules_and_loses_nothing(net4: Hosts) -> None:
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 100)
    pair.source.release()
    await_answers(pair, 100)
    pair.client.stop()
    assert all_different(pair.client.answers)
    rules = subprocess.run(
        ["nsenter", "--target", str(net4.source), "--net", "iptables-save"], capture_output=True, text=True, check=True
    )
    assert "NFQUEUE" not in rules.stdout


def parted(pair: Pair) -> None:
    """The attempt is void, for the source as well, and the process answers on as if nothing had been."""
    wait_for(lambda: pair.source.state().void, "the source notices")
    assert pair.source.state().phase == "pass"
    await_answers(pair, 100)
    pair.client.stop()
    assert all_different(pair.client.answers)


@pytest.mark.parametrize("prefix", [b"random", b"clock", b"ticks"])
def test_what_does_not_follow_from_the_input_is_found(net4: Hosts, prefix: bytes) -> None:
    """Random numbers, the wall clock, and how many ticks of a timer were merged."""
    sniffer = Sniffer(net4)
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 50)
    pair.client.next_prefix = prefix
    wait_for(lambda: pair.target.state().divergence, "a divergence")
    found = pair.target.state().divergence
    assert found is not None
    assert found.flow.split(" ")[0] in ("tcp", "udp") and found.flow.endswith(f">{PORT}")
    assert found.source != found.clone and len(found.source) == len(found.clone) == 2
    assert found.reason in ("a byte of the stream differs", "a datagram has another byte")
    assert found.offset % 16 >= 8, "the answer's first 8 bytes are equal"
    assert found.after_ms < FOUND_WITHIN_MS
    parted(pair)
    assert sniffer.times["target"] == []


@pytest.mark.parametrize(
    ("side", "fault"),
    [("source", "drop"), ("source", "swap"), ("target", "drop"), ("target", "double"), ("target", "flip")],
)
def test_a_changed_input_is_named(
    net4: Hosts, with_faults: str, monkeypatch: pytest.MonkeyPatch, side: str, fault: str
) -> None:
    monkeypatch.setattr(paths, "MIRROR", with_faults)
    monkeypatch.setenv("MIRROR_FAULT", f"{side} {fault} 60")
    datagrams_only = fault != "flip"  # TCP repairs what is lost or doubled
    pair = armed(net4, connections=0 if datagrams_only else 4)
    if datagrams_only:
        another = net4.open_socket(net4.client, socket.SOCK_DGRAM)
        another.connect((net4.address, PORT))
        pair.client.ends.append(another)
    pair.client.start()
    if side == "source":
        two_at_once(pair)
    wait_for(lambda: pair.target.state().divergence, "a divergence")
    found = pair.target.state().divergence
    assert found is not None
    assert found.flow.endswith(f">{PORT}") and found.inputs >= 60
    assert found.source or found.clone
    assert found.after_ms < FOUND_WITHIN_MS


def two_at_once(pair: Pair) -> None:
    """Requests without answers, on the other socket: inputs that come while another one waits."""
    for number in range(200):
        pair.client.ends[-1].send(b"silent00" + f"{number:08d}".encode())
        if pair.target.state().divergence:
            return


def test_a_late_input_shows_as_lag_and_parts_nothing(
    net4: Hosts, with_faults: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "MIRROR", with_faults)
    monkeypatch.setenv("MIRROR_FAULT", "target delay 60")
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 100)
    wait_for(lambda: pair.target.state().in_step or pair.target.state().inputs > 100, "the clone catches up")
    state = pair.target.state()
    assert state.divergence is None and not state.void
    assert state.max_skew_us >= 10_000
    pair.client.stop()


def test_a_busy_process_gets_its_input_and_the_attempt_is_void(net4: Hosts) -> None:
    pair = armed(net4, max_wait_ms=5)
    pair.client.ends, others = pair.client.ends[:1], pair.client.ends[1:]
    pair.client.next_prefix = b"busy"
    pair.client.start()
    wait_for(lambda: pair.source.state().inputs, "the request that takes 0.3 s")
    others[0].sendall(b"other000other000")
    assert others[0].recv(16, socket.MSG_WAITALL)[:8] == b"other000"
    wait_for(lambda: pair.source.state().void, "the attempt is void")
    assert "until all threads of the process slept" in pair.source.state().void
    wait_for(lambda: "gave the attempt up" in pair.target.state().void, "the target knows")
    await_answers(pair, 50)
    pair.client.stop()


def test_what_came_in_a_long_hold_is_let_in_one_by_one(net4: Hosts) -> None:
    """The last of them waits for longer than one may by itself, and no longer than the hold was."""
    pair = armed(net4, max_wait_ms=500)
    pair.source.hold()
    assert pair.source.await_quiet(2)
    for end in pair.client.ends[:3]:
        end.sendall(b"busy0000busy0000")
    wait_for(lambda: pair.source.state().held == 3, "all are held")
    time.sleep(1)  # the hold
    pair.source.open_turnstile()
    for end in pair.client.ends[:3]:
        assert end.recv(16, socket.MSG_WAITALL)[:8] == b"busy0000"
    state = pair.source.state()
    assert state.void == ""
    assert state.max_wait_us > 500_000
    wait_for(
        lambda: pair.target.state().answers_compared >= 3 and pair.target.state().in_step, "the clone says the same"
    )


def kill(mirror: object) -> None:
    process = vars(mirror)["_process"]
    process.kill()
    process.wait()


def test_the_process_goes_on_when_the_sources_mirror_is_killed(net4: Hosts) -> None:
    sniffer = Sniffer(net4)
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 100)
    kill(pair.source)
    with pytest.raises(MirrorEnded, match="SIGKILL"):
        pair.source.state()
    pair.source.release()
    await_answers(pair, 100)
    pair.client.stop()
    assert all_different(pair.client.answers)
    assert "the stream from the source has ended" in pair.target.state().void
    assert sniffer.times["target"] == []


def test_the_process_goes_on_when_the_targets_mirror_is_killed(net4: Hosts) -> None:
    sniffer = Sniffer(net4)
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 100)
    kill(pair.target)
    wait_for(lambda: "the stream to the target was lost" in pair.source.state().void, "the source notices")
    await_answers(pair, 100)
    pair.client.stop()
    assert all_different(pair.client.answers)
    assert sniffer.times["target"] == []


def test_the_clone_is_heard_after_the_commit_though_its_agent_is_dead(net4: Hosts) -> None:
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 50)
    hand_over(pair)
    program = pair.target.process_id
    vars(pair.target)["_control"].close()
    await_answers(pair, 100)
    pair.client.stop()
    assert program.alive
    pair.clone.kill()
    wait_for(lambda: not program.alive, "the mirror ends with the clone")


@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_sanitizers_find_nothing(net4: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sanitizer: str) -> None:
    monkeypatch.setattr(paths, "MIRROR", built(tmp_path, *SANITIZERS[sanitizer]))
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    pair = armed(net4)
    pair.client.start()
    await_answers(pair, 200)
    hand_over(pair)
    await_answers(pair, 100)
    pair.client.stop()
    logs = [os.pread(vars(mirror)["_log"], 1 << 16, 0) for mirror in (pair.source, pair.target)]
    assert logs == [b"", b""]
    finish(pair)
