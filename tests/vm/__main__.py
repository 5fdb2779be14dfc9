# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.vm COMMAND...`: run a command of this checkout under Debian's own kernel, in a virtual machine.

That kernel has soft-dirty bits, which others lack, and cgroup v2 alone. The virtual machine sees all files of this
machine; what it writes is kept in its memory and lost at its end. KVM is used where there is hardware for it; without,
the processor is emulated, which takes ten times as long. The exit status is the command's.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.organic.lab.plugins.module_utils.root_image import debian_mirror

from tests.harness.playbook import PROJECT

CACHE = PROJECT / ".cache/vm"
INIT = Path(__file__).with_name("init")
SUITE = "trixie"
PACKAGES = ("linux-image-cloud-amd64", "kmod", "qemu-system-x86", "seabios", "virtiofsd")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
MEMORY_MB = 10240
"""Of the machine, in which it keeps all that it writes: the hosts' disks, too."""
WAIT_S = 10
NO_STATUS = 125
"""The machine ended without one, as timeout(1) has it for its own failures."""


@dataclass(frozen=True)
class Image:
    """Kernel and emulator, unpacked from Debian's archive into a directory; nothing of it is installed."""

    root: Path

    @classmethod
    def cached(cls) -> Image:
        key = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:16]
        root = CACHE / key
        if not root.exists():
            print(f"Fetching {', '.join(PACKAGES)} of Debian {SUITE}", file=sys.stderr, flush=True)
            CACHE.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=CACHE) as directory:
                cls._unpack(Path(directory, "root")).rename(root)
        return cls(root)

    @staticmethod
    def _unpack(root: Path) -> Path:
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", f"--include={','.join(PACKAGES)}"]
        command += ['--aptopt=APT::Install-Recommends "false"', SUITE, str(root), debian_mirror()]
        subprocess.run(command, check=True)
        (root / "lib").symlink_to("usr/lib")
        [version] = (root / "usr/lib/modules").iterdir()
        depmod = Image(root).command("usr/sbin/depmod")
        subprocess.run([*depmod, "--basedir", str(root), version.name], check=True)
        return root

    @property
    def kernel(self) -> Path:
        [kernel] = (self.root / "boot").glob("vmlinuz-*")
        return kernel

    def command(self, program: str) -> list[str]:
        """A program of the image, with the libraries of the image."""
        loader = self.root / "usr/lib64/ld-linux-x86-64.so.2"
        return [str(loader), "--library-path", str(self.root / LIBRARIES), str(self.root / program)]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "QEMU_MODULE_DIR": str(self.root / LIBRARIES / "qemu")}


def accelerator() -> str:
    """KVM also offers itself where it cannot run a kernel that does not know of it, so the processor is asked."""
    flags = Path("/proc/cpuinfo").read_text(encoding="ascii").split()
    return "kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) and {"vmx", "svm"} & set(flags) else "tcg"


@contextlib.contextmanager
def shared_root(image: Image, directory: Path) -> Iterator[Path]:
    """This machine's files, to be read by the virtual one; yields the socket at which they are served."""
    sock = directory / "files.sock"
    command = [*image.command("usr/libexec/virtiofsd"), f"--socket-path={sock}", "--shared-dir=/", "--readonly"]
    # an overlay cannot be made over submounts that are announced
    command += ["--sandbox=none", "--cache=always", "--no-announce-submounts", "--log-level=error"]
    server = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + WAIT_S
        while not sock.exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The virtual machine's file server does not start.")
            time.sleep(0.01)
        yield sock
    finally:
        server.kill()
        server.wait()


def run(command: list[str], timeout_s: int) -> int:
    """Run it in a new virtual machine; its output is ours, the kernel's messages go to .cache/vm/console.log."""
    image = Image.cached()
    kind = accelerator()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        script, status_file = directory / "command", directory / "status"
        variables = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "LANG") if key in os.environ}
        exports = [f"export {key}={shlex.quote(value)}" for key, value in variables.items()]
        script.write_text("\n".join([*exports, f"cd {shlex.quote(os.getcwd())}", shlex.join(command)]) + "\n")
        with shared_root(image, directory) as sock:
            words = ["console=ttyS0", "quiet", "rootfstype=virtiofs", "root=machine", "ro", "panic=-1", f"init={INIT}"]
            words += ["--", str(image.root), str(script)]
            machine = [
                *image.command("usr/bin/qemu-system-x86_64"),
                *("-L", str(image.root / "usr/share/qemu"), "-L", str(image.root / "usr/share/seabios")),
                *("-machine", "q35", "-accel", kind, "-cpu", "max", "-smp", str(os.cpu_count() or 1)),
                *("-m", f"{MEMORY_MB}M", "-object", f"memory-backend-memfd,id=memory,size={MEMORY_MB}M,share=on"),
                *("-numa", "node,memdev=memory", "-nic", "none", "-display", "none", "-monitor", "none"),
                *("-no-reboot", "-serial", f"file:{CACHE / 'console.log'}", "-serial", "stdio"),
                *("-serial", f"file:{status_file}"),
                *("-chardev", f"socket,id=files,path={sock}", "-device", "vhost-user-fs-pci,chardev=files,tag=machine"),
                *("-kernel", str(image.kernel), "-append", " ".join(words)),
            ]
            done = subprocess.Popen(machine, stdin=subprocess.DEVNULL, env=image.environment)
            try:
                done.wait(timeout_s)
            except subprocess.TimeoutExpired:
                print(f"It did not end within {timeout_s} s.", file=sys.stderr)
                return NO_STATUS
            finally:
                done.kill()
                done.wait()
        status = status_file.read_text(encoding="ascii").strip()
    if not status.isdigit():
        print(f"The virtual machine ended before the command did; see {CACHE / 'console.log'}", file=sys.stderr)
        return NO_STATUS
    return int(status)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout-s", type=int, default=3600, help="end it after so many seconds (%(default)s)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="with its arguments")
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("no command")
    if os.uname().machine != "x86_64":
        parser.error("only on x86-64")
    if not shutil.which("mmdebstrap"):
        parser.error("mmdebstrap is missing on this machine; make lab installs it")
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    available_mb = int(memory["MemAvailable"].split()[0]) >> 10
    if available_mb < MEMORY_MB:
        parser.error(f"{MEMORY_MB} MB of memory must be free, and {available_mb} MB are")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(NO_STATUS))
    return run(arguments.command, arguments.timeout_s)


if __name__ == "__main__":
    sys.exit(main())
