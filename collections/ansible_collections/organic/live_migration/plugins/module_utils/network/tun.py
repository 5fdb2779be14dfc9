# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TUN and TAP devices that a process has open: found on the source, created on the target before the freeze.

CRIU moves the descriptor as that of a plain file (src/tun_files.c). On restore, one that is attached to the new device
takes its place. So the device lives as long as on the source: with its descriptor, or permanently when persistent.

Sources: Documentation/networking/tuntap.rst, include/uapi/linux/if_tun.h, drivers/net/tun.c of the kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pwd
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import decoded
from ..decoded import JsonObject
from ..errors import Blocker, MigrationError
from ..host import commands, libc, processes
from . import interfaces

_DEVICE = os.makedev(10, 200)
_NODE = "dev/net/tun"
_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER, _TUNSETGROUP = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE
_TUNGETIFF, _TUNGETSNDBUF, _TUNSETSNDBUF = 0x800454D2, 0x800454D3, 0x400454D4
_IFREQ = struct.Struct("16sH22x")
_INT = struct.Struct("i")
IFF_TUN, IFF_TAP = 0x0001, 0x0002
_IFF_MULTI_QUEUE, _IFF_PERSIST, IFF_NO_PI, _IFF_VNET_HDR = 0x0100, 0x0800, 0x1000, 0x4000
_IFF_NAPI, _IFF_NAPI_FRAGS, _IFF_ONE_QUEUE = 0x0010, 0x0020, 0x2000
_MOVABLE = IFF_TUN | IFF_TAP | _IFF_PERSIST | IFF_NO_PI | _IFF_NAPI | _IFF_NAPI_FRAGS | _IFF_ONE_QUEUE
DEVICE_NAME = re.compile(r"[0-9A-Za-z._-]{1,15}")
_WORD = re.compile(r"[0-9A-Za-z.:/_-]+")
_SETTING = re.compile(r"ipv[46]/[a-z0-9_]+")
_EVERYWHERE = {"-4": "0.0.0.0/0", "-6": "::/0"}
_NOT_COPIED = ("ipv6/stable_secret", "ipv6/mtu", "ipv6/addr_gen_mode")
"""Settings that cannot be read before they are set, or that follow from something else."""


@dataclass(frozen=True)
class Descriptor:
    """An open descriptor of /dev/net/tun.

    Attributes:
        pid: the process, on the host.
        number: of the descriptor.
        device: name of the device to which it is attached; empty when there is none.
    """

    pid: int
    number: int
    device: str


@dataclass
class Device:
    """A TUN or TAP device, as it must be created. A peer's values become words of ``ip``: see ``__post_init__``.

    Attributes:
        name: of the device.
        flags: as TUNSETIFF takes them, with IFF_PERSIST.
        descriptor_flags: of the open file, for example O_NONBLOCK.
        owner, group: who may attach to it without CAP_NET_ADMIN; -1 for root only.
        send_buffer: bytes, see TUNSETSNDBUF.
        mac: of a TAP device.
        mtu: bytes.
        queue: length of its queue in packets.
        addresses: each as words of ``ip address add``.
        routes: each as words of ``ip route add``: kind, destination, and more.
        settings: of /proc/sys/net that differ from the defaults, by ``ipv4/rp_filter`` and the like.
    """

    name: str
    flags: int
    descriptor_flags: int
    owner: int
    group: int
    send_buffer: int
    mac: str
    mtu: int
    queue: int
    up: bool
    addresses: list[list[str]] = field(default_factory=list)
    routes: list[list[str]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for a device that cannot be created."""
        numbers = (self.flags, self.descriptor_flags, self.owner, self.group, self.send_buffer, self.mtu, self.queue)
        words = [word for line in [*self.addresses, *self.routes, [self.mac or "-"]] for word in line]
        if not DEVICE_NAME.fullmatch(self.name) or self.name in (".", "..") or self.flags & ~_MOVABLE:
            raise ValueError(f"'{self.name}' with the flags {self.flags:#x} is not a TUN device that can be created")
        if not all(isinstance(number, int) for number in numbers) or not all(map(_WORD.fullmatch, words)):
            raise ValueError(f"the TUN device {self.name} is not described by numbers and words")
        if not all(map(_SETTING.fullmatch, self.settings)):
            raise ValueError(f"the TUN device {self.name} has unknown settings")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    @property
    def key(self) -> str:
        """The path, without the first slash, that CRIU takes the attached descriptor for."""
        return key_of(self.name)


def key_of(name: str) -> str:
    """The path of a device's descriptor in CRIU's images, without the first slash."""
    return f"{_NODE}@{name}"


def descriptors(pids: list[int]) -> Iterator[Descriptor]:
    """Descriptors of /dev/net/tun, wherever its node is; takes some 5 us for each descriptor."""
    for pid in pids:
        for number, target in processes.descriptors(pid):
            if not target.startswith("/"):
                continue  # a socket, a pipe or the like
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if os.stat(f"/proc/{pid}/fd/{number}").st_rdev == _DEVICE:
                    yield Descriptor(pid, number, _fdinfo(pid, number).get("iff", ""))


def _fdinfo(pid: int, number: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/fdinfo/{number}").read_text().splitlines()
    return {key: value.strip() for key, _colon, value in (line.partition(":") for line in lines)}


def attached(pids: list[int]) -> dict[str, Descriptor]:
    """One descriptor of each device, by the device's name. A device of one queue has one open file, maybe shared."""
    return {one.device: one for one in descriptors(pids) if one.device}


def blockers(pids: list[int]) -> list[Blocker]:
    """Blockers: devices that these processes have open and that cannot move."""
    found = []
    shown = interfaces.ip_json(pids[0], "link", "show") if any(attached(pids)) else []
    links = {decoded.text(link, "ifname") for link in shown}
    for name, one in attached(pids).items():
        where = f"the TUN device {name} (descriptor {one.number} of process {one.pid})"
        with duplicate_descriptor(one) as duplicate:
            flags = _flags(duplicate)
        if name not in links:
            what, remedy = f"{where} is in another network namespace", "Let the program open it where it runs"
        elif flags & _IFF_MULTI_QUEUE:
            what, remedy = f"{where} has several queues (IFF_MULTI_QUEUE)", "Configure the program for one queue"
        elif flags & ~_MOVABLE:
            what = f"{where} has offloads (IFF_VNET_HDR) or other features, flags {flags:#x}"
            remedy = "Configure the program to do without them"
        elif not DEVICE_NAME.fullmatch(name):
            what, remedy = f"{where} has an unusual name", "Name it with letters, digits, '.', '_' and '-' only"
        else:
            continue
        found.append(Blocker("tun", f"CRIU cannot move this: {what}", remedy))
    return found


@contextlib.contextmanager
def duplicate_descriptor(one: Descriptor) -> Iterator[int]:
    pidfd = os.pidfd_open(one.pid)
    try:
        duplicate = libc.pidfd_getfd(pidfd, one.number)
    finally:
        os.close(pidfd)
    try:
        yield duplicate
    finally:
        os.close(duplicate)


def _flags(descriptor: int) -> int:
    answer = fcntl.ioctl(descriptor, _TUNGETIFF, bytes(_IFREQ.size))
    return int(_IFREQ.unpack(answer)[1])


def read(pids: list[int]) -> list[Device]:
    """The devices that these processes, which share a network namespace, are attached to.

    Raises:
        MigrationError: one is of a kind that cannot be created; see :func:`blockers`.
    """
    found = []
    for name, one in sorted(attached(pids).items()):
        links = interfaces.ip_json(one.pid, "-details", "address", "show", "dev", name)
        [link] = [entry for entry in links if entry]
        with duplicate_descriptor(one) as duplicate:
            send_buffer = _INT.unpack(fcntl.ioctl(duplicate, _TUNGETSNDBUF, bytes(_INT.size)))[0]
            flags = _flags(duplicate) & ~IFF_NO_PI  # this bit means IFF_NOFILTER in the answer
            descriptor_flags = fcntl.fcntl(duplicate, fcntl.F_GETFL) & (os.O_NONBLOCK | os.O_APPEND)
        information = decoded.section(link, "linkinfo", "info_data")
        flags |= 0 if information.get("pi") else IFF_NO_PI
        try:
            device = Device(
                name,
                flags,
                descriptor_flags,
                owner=_number(information.get("user"), lambda name: pwd.getpwnam(name).pw_uid),
                group=_number(information.get("group"), lambda name: grp.getgrnam(name).gr_gid),
                send_buffer=send_buffer,
                mac=decoded.text(link, "address") if flags & IFF_TAP else "",
                mtu=decoded.number(link, "mtu"),
                queue=decoded.number(link, "txqlen", default=0),
                up="UP" in decoded.texts(link, "flags"),
                addresses=[_address(entry) for entry in decoded.sections(link, "addr_info")],
                routes=[route for family in _EVERYWHERE for route in _routes(one.pid, family, name)],
                settings=_settings(one.pid, name),
            )  # fmt: skip
        except ValueError as error:
            raise MigrationError(f"A TUN device cannot be moved: {error}") from None
        found.append(device)
    return found


def _number(owner: object, look_up: Callable[[str], int]) -> int:
    """A number, -1 for nobody; ``ip`` prints a name where there is one."""
    if owner is None:
        return -1
    return owner if isinstance(owner, int) else look_up(str(owner))


def _address(entry: JsonObject) -> list[str]:
    """One entry of ``ip -json address show`` as words of ``ip address add``."""
    peer, local, scope = entry.get("address"), decoded.text(entry, "local"), decoded.text(entry, "scope")
    words = [local] if peer else [f"{local}/{entry['prefixlen']}"]
    words += ["peer", f"{peer}/{entry['prefixlen']}"] if peer else []
    words += ["broadcast", decoded.text(entry, "broadcast")] if "broadcast" in entry else []
    words += ["scope", scope] if entry["family"] == "inet" or scope == "link" else []
    words += ["nodad"] if entry["family"] == "inet6" else []
    return words


def _routes(pid: int, family: str, name: str) -> Iterator[list[str]]:
    """Routes of the main table through a device, without those that follow from its addresses."""
    for route in interfaces.ip_json(pid, family, "route", "show", "dev", name):
        if route.get("protocol") == "kernel":
            continue
        destination = decoded.text(route, "dst")
        words = [
            decoded.text(route, "type", default="unicast"),
            _EVERYWHERE[family] if destination == "default" else destination,
        ]
        for key, word in (("gateway", "via"), ("prefsrc", "src"), ("metric", "metric"), ("scope", "scope")):
            words += [word, str(route[key])] if key in route else []
        yield words


def _settings(pid: int, name: str) -> dict[str, str]:
    found = {}
    with libc.network_namespace(pid):
        for family in ("ipv4", "ipv6"):
            directory = Path("/proc/sys/net", family, "conf", name)
            for path in sorted(directory.iterdir()) if directory.is_dir() else []:
                default = directory.with_name("default") / path.name
                key = f"{family}/{path.name}"
                if key in _NOT_COPIED or not default.exists():
                    continue
                with contextlib.suppress(PermissionError):  # can only be written
                    value = path.read_text().strip()
                    if value != default.read_text().strip():
                        found[key] = value
    return found


def make(pid: int, devices: list[Device]) -> dict[str, int]:
    """Create devices in the namespaces of ``pid``; returns an attached descriptor for each, by its key.

    Raises:
        MigrationError: the container has no /dev/net/tun, or the kernel refuses the device.
    """
    made: dict[str, int] = {}
    try:
        with libc.network_namespace(pid):
            for device in devices:
                made[device.key] = _attach(pid, device)
        if devices:
            lines = [line for device in devices for line in _batch(device)]
            commands.run(["nsenter", "--target", str(pid), "--net", "ip", "-batch", "-"], "\n".join(lines) + "\n")
        with libc.network_namespace(pid):
            for device in devices:
                _set(device)
    except BaseException:
        for descriptor in made.values():
            os.close(descriptor)
        raise
    return made


def _attach(pid: int, device: Device) -> int:
    """Attach in the network namespace that the calling thread has joined, through the container's own device node."""
    try:
        descriptor = os.open(f"/proc/{pid}/root/{_NODE}", os.O_RDWR | os.O_CLOEXEC | device.descriptor_flags)
    except OSError as error:
        raise MigrationError(
            f"The TUN device {device.name} cannot be created on the target host: the container's /{_NODE} cannot be "
            f"opened: {error.strerror}. Deploy the container with --device /{_NODE}."
        ) from None
    try:
        request = _IFREQ.pack(device.name.encode(), device.flags & ~_IFF_PERSIST)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
        fcntl.ioctl(descriptor, _TUNSETSNDBUF, _INT.pack(device.send_buffer))
        for order, value in ((_TUNSETOWNER, device.owner), (_TUNSETGROUP, device.group)):
            if value >= 0:
                fcntl.ioctl(descriptor, order, value)
        if device.flags & _IFF_PERSIST:
            fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
    except OSError as error:
        os.close(descriptor)
        raise MigrationError(
            f"The TUN device {device.name} cannot be created on the target host: {error.strerror}"
        ) from None
    return descriptor


def _batch(device: Device) -> Iterator[str]:
    mac = f" address {device.mac}" if device.mac else ""
    yield f"link set dev {device.name} mtu {device.mtu} txqueuelen {device.queue}{mac}"
    if any(":" in address[0] for address in device.addresses):
        yield f"link set dev {device.name} addrgenmode none"  # its link-local address is among them
    for address in device.addresses:
        yield f"address add {' '.join(address)} dev {device.name}"
    if device.up:
        yield f"link set dev {device.name} up"
    for kind, destination, *words in device.routes:
        yield f"route add {kind} {destination} dev {device.name} {' '.join(words)}"


def _set(device: Device) -> None:
    for key, value in device.settings.items():
        family, _slash, setting = key.partition("/")
        path = Path("/proc/sys/net", family, "conf", device.name, setting)
        if path.exists() and path.read_text().strip() != value:
            path.write_text(value)


def check_same(devices: list[Device], found: dict[str, Descriptor]) -> None:
    """Check that a frozen process has exactly the devices open that were created on the target.

    Raises:
        MigrationError: it has opened or closed one since.
    """
    made = sorted(device.name for device in devices)
    if made != sorted(found):
        raise MigrationError(f"The TUN devices {made} were prepared, but {sorted(found)} are open; migrate again.")
