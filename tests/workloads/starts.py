# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Third-party programs in containers, each with the client that has it work (clients.py)."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.containers import WORK, Container, Conversation, run_resident
from tests.harness.site import Site
from tests.harness.wait import until

from .programs import HERE, in_image

DATA = "/data"
HLR_DIRECTORY = "/var/lib/osmocom"
NON_ROOT = ("--user=1000:1000", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")

WITH_DATA = (*NON_ROOT, "--tmpfs=/tmp:uid=1000", f"--tmpfs={DATA}:uid=1000,mode=700")


class Program(Container):
    """A container with a program, and the client that has it work."""

    def __init__(self, site: Site, image: str, name: str, number: int) -> None:
        super().__init__(site, name, site.edges[0])
        self._image, self._number = image, number
        self.address = site.address(number)
        site.remove(self.name)
        site.ran.run(f"ip neighbour flush to {self.address}")

    def start(self, command: list[str], *options: str, ready: str) -> None:
        run_resident(self, self._number, command, *options, image=self._image)
        until(lambda: any(ready in line for line in self.logs()), f"{self.name} is ready")

    def configure(self, name: str, path: str = "") -> str:
        """Bring a file to both hosts; returns the option that shows it to the container, as /NAME or another path."""
        text = (HERE / name).read_text().replace("ADDRESS", self.address)
        for host in self.site.edges:
            host.put(text.encode(), f"{WORK}/{name}")
        return f"--volume={WORK}/{name}:{path or f'/{name}'}:ro"

    @contextmanager
    def client(self) -> Iterator[Conversation]:
        program = self.name.partition("-")[2]
        conversation = Conversation(self.site.ran, f"python3 {WORK}/clients.py {program} {self.address}")
        try:
            assert conversation.line() == "ready\n"
            yield conversation
        finally:
            conversation.close()


Make = Callable[[str, int], Program]


NODE = """
let count = 0;
const server = require("http").createServer((request, answer) => answer.end(String(++count)));
server.keepAliveTimeout = 0;
server.listen(8080, () => console.log("listening"));
"""
ERLANG = """
{ok, Listener} = gen_tcp:listen(8080, [{packet, line}, {active, false}, {reuseaddr, true}]),
io:format("listening~n"),
{ok, Link} = gen_tcp:accept(Listener),
Serve = fun Serve(Count) ->
    case gen_tcp:recv(Link, 0) of
        {ok, "\\r\\n"} ->
            Text = integer_to_list(Count),
            Size = integer_to_list(length(Text)),
            ok = gen_tcp:send(Link, ["HTTP/1.1 200 OK\\r\\nContent-Length: ", Size, "\\r\\n\\r\\n", Text]),
            Serve(Count + 1);
        {ok, _Line} -> Serve(Count)
    end
end,
Serve(1).
"""


def etcd(make: Make) -> Program:
    program = make("etcd", 50)
    command = ["/usr/bin/etcd", "--data-dir", DATA, "--listen-peer-urls", "http://127.0.0.1:2380"]
    command += ["--listen-client-urls", "http://0.0.0.0:2379"]
    command += ["--advertise-client-urls", f"http://{program.address}:2379"]
    # Go 1.24 and later listens by MPTCP, which CRIU cannot move
    program.start(command, "--env=GODEBUG=multipathtcp=0", ready="serving client traffic")
    return program


def redis(make: Make, forks: bool = True) -> Program:
    """Args: forks: for a snapshot every second."""
    program = make("redis", 51)
    command = ["/usr/bin/redis-server", "--protected-mode", "no", "--dir", DATA, "--appendonly", "yes"]
    command += ["--save", "1 1" if forks else ""]
    program.start(command, *NON_ROOT, f"--tmpfs={DATA}:uid=1000,mode=700", ready="Ready to accept connections")
    return program


def hlr(make: Make) -> Program:
    program = make("hlr", 52)
    command = ["/usr/bin/osmo-hlr", "-c", "/osmo-hlr.cfg", "-l", f"{HLR_DIRECTORY}/hlr.db"]
    program.start(command, program.configure("osmo-hlr.cfg"), ready="Available via telnet")
    return program


def nginx(make: Make) -> Program:
    program = make("nginx", 54)
    command = ["/usr/sbin/nginx", "-c", "/nginx.conf", "-e", "stderr"]
    program.start(command, program.configure("nginx.conf"), *NON_ROOT, "--tmpfs=/tmp:uid=1000",
                  ready="start worker process")  # fmt: skip
    return program


def haproxy(make: Make) -> Program:
    program = make("haproxy", 55)
    command = ["/usr/sbin/haproxy", "-db", "-V", "-f", "/haproxy.cfg"]
    program.start(command, program.configure("haproxy.cfg"), *NON_ROOT, "--tmpfs=/tmp:uid=1000", ready="Using epoll")
    return program


def nodejs(make: Make) -> Program:
    program = make("nodejs", 56)
    program.start(["/usr/bin/node", "-e", NODE], *NON_ROOT, ready="listening")
    return program


def erlang(make: Make) -> Program:
    program = make("erlang", 57)
    # as the script erl does, for which the image has no shell
    executable = in_image("/usr/lib/erlang/erts-*/bin/erlexec")
    command = [executable, "-noinput", "-eval", ERLANG]
    variables = {
        "ROOTDIR": "/usr/lib/erlang",
        "BINDIR": executable.rpartition("/")[0],
        "EMU": "beam",
        "PROGNAME": "erl",
        "HOME": "/tmp",
    }
    options = [f"--env={name}={value}" for name, value in variables.items()]
    program.start(command, *options, *NON_ROOT, "--tmpfs=/tmp:uid=1000", ready="listening")
    return program


def mariadb(make: Make) -> Program:
    program = make("mariadb", 61)
    server = f"/usr/sbin/mariadbd --no-defaults --datadir={DATA} --tmpdir=/tmp --socket=/tmp/socket --skip-grant-tables"
    script = f"{server} --bootstrap </dev/null; exec {server} --skip-networking=0"
    program.start(["/bin/sh", "-c", script], program.configure("passwd", "/etc/passwd"), *WITH_DATA,
                  ready="ready for connections")  # fmt: skip
    return program


def postgresql(make: Make) -> Program:
    program = make("postgresql", 62)
    programs = "/usr/lib/postgresql/17/bin"
    script = (
        f"{programs}/initdb -D {DATA}/main -A trust && echo 'host all all all trust' >> {DATA}/main/pg_hba.conf && "
    )
    script += f"exec {programs}/postgres -D {DATA}/main -k /tmp -c listen_addresses=*"
    program.start(["/bin/sh", "-c", script], program.configure("passwd", "/etc/passwd"), *WITH_DATA,
                  ready="ready to accept connections")  # fmt: skip
    return program


def php(make: Make, compiles: bool = False) -> Program:
    """PHP-FPM. Args: compiles: with its just-in-time compiler."""
    program = make("php", 63)
    command = ["/usr/sbin/php-fpm8.4", "-n", "-F", "-y", "/php-fpm.conf"]
    compiler = ("opcache.jit=tracing", "opcache.jit_buffer_size=32M") if compiles else ("opcache.jit=disable",)
    for setting in ("zend_extension=opcache", "opcache.enable=1", *compiler):
        command += ["-d", setting]
    options = [program.configure(name) for name in ("php-fpm.conf", "count.php")]
    program.start(command, *options, *WITH_DATA, ready="ready to handle connections")
    return program


def openjdk(make: Make) -> Program:
    program = make("openjdk", 64)
    command = [in_image("/usr/lib/jvm/java-21-openjdk-*/bin/java"), "-XX:-UsePerfData", "/Visits.java"]
    program.start(command, program.configure("Visits.java"), *WITH_DATA, ready="listening")
    return program


def sqlite(make: Make) -> Program:
    """With a write-ahead log."""
    program = make("sqlite", 65)
    command = ["/usr/bin/python3", "-B", "/visits.py", f"{DATA}/visits.db"]
    program.start(command, program.configure("visits.py"), *WITH_DATA, ready="listening")
    return program


def unbound(make: Make) -> Program:
    """Answers from its own data, by UDP."""
    program = make("unbound", 58)
    program.start(["/usr/sbin/unbound", "-d", "-c", "/unbound.conf"], program.configure("unbound.conf"), *NON_ROOT,
                  ready="start of service")  # fmt: skip
    return program


def _with_certificate(program: Program, name: str) -> str:
    """A key and its certificate in one file on both hosts; returns the option that shows it to the container."""
    with tempfile.TemporaryDirectory() as scratch:
        key, certificate = Path(scratch, "key"), Path(scratch, "certificate")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-subj", f"/CN={program.name}", "-days", "30", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        both = key.read_bytes() + certificate.read_bytes()
    for host in program.site.edges:
        host.put(both, f"{WORK}/{name}", 0o644)
    return f"--volume={WORK}/{name}:/{name}:ro"


def haproxy_tls(make: Make) -> Program:
    """HTTP/1.1 over TLS 1.3."""
    program = make("haproxytls", 59)
    options = [program.configure("haproxy-tls.cfg"), _with_certificate(program, "haproxy.pem"), *NON_ROOT]
    program.start(["/usr/sbin/haproxy", "-db", "-V", "-f", "/haproxy-tls.cfg"], *options, ready="Using epoll")
    return program


def nghttpd(make: Make) -> Program:
    """HTTP/2 over TLS 1.3."""
    program = make("nghttpd", 60)
    command = ["/usr/sbin/nghttpd", "-v", "--htdocs=/etc", "8443", "/nghttpd.pem", "/nghttpd.pem"]
    options = [_with_certificate(program, "nghttpd.pem"), *NON_ROOT, "--tmpfs=/tmp:uid=1000"]
    program.start(command, *options, ready="listen")
    return program
