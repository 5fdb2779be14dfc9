# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of the programs that move. Runs on another host, from Python's standard library alone.

``clients.py PROGRAM ADDRESS`` says "ready" when what it needs is there, and goes on with its work. A line of input
gives a report in JSON; the line "quiet" ends the work first, and has all of it checked. No connection is ever opened
again: one that breaks is a fault.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import random
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar

STALL_TIMEOUT_S = 30
"""How long an answer may take; what takes as long has failed."""


class Work:
    """Steps that are repeated by a thread of their own, until one fails or it shall be quiet."""

    def __init__(self, step: Callable[[], None], pause_s: float) -> None:
        self._step, self._pause_s = step, pause_s
        self._quiet = threading.Event()
        self.steps = 0
        self.longest_ms = 0.0
        self.fault = ""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._quiet.wait(self._pause_s):
                began = time.monotonic()
                self._step()
                self.longest_ms = max(self.longest_ms, (time.monotonic() - began) * 1000)
                self.steps += 1
        except Exception as error:  # whatever it is, it is what the test wants to know
            self.fault = f"after {self.steps} steps: {error!r}"

    def quiet(self) -> None:
        self._quiet.set()
        self._thread.join(STALL_TIMEOUT_S)
        assert not self._thread.is_alive(), "a step does not end"


class Client:
    """What all clients have: work, faults that were found, and figures."""

    def __init__(self) -> None:
        self.work: list[Work] = []
        self.faults: list[str] = []

    def expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    def check(self) -> None:
        """When all is quiet: whether everything is as it must be."""

    def figures(self) -> dict[str, Any]:
        return {}

    def report(self) -> dict[str, Any]:
        return {
            "steps": [work.steps for work in self.work],
            "longest_ms": max(work.longest_ms for work in self.work),
            "faults": [*self.faults[:10], *(work.fault for work in self.work if work.fault)],
            **self.figures(),
        }


class Etcd(Client):
    """Keys that are put, one after the other, over one connection, and a watch on them over another (gRPC gateway)."""

    BEFORE = 500

    def __init__(self, address: str) -> None:
        super().__init__()
        self._keys = self._open(address)
        self._put_count = 0
        self._watched: list[int] = []
        self._watch_fault = ""
        created = threading.Event()
        threading.Thread(target=self._watch, args=(self._open(address), created), daemon=True).start()
        assert created.wait(STALL_TIMEOUT_S), "the watch is not created"
        for _number in range(self.BEFORE):
            self._put()
        self.work = [Work(self._put, 0.005)]

    @staticmethod
    def _open(address: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(address, 2379, timeout=STALL_TIMEOUT_S)
        connection.connect()
        connection.auto_open = 0
        return connection

    @staticmethod
    def _name(number: int) -> str:
        return f"key{number:08d}"

    @staticmethod
    def _value(number: int) -> str:
        return f"value {number} " * 20

    @staticmethod
    def _base64(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def _ask(self, what: str, question: dict[str, Any]) -> dict[str, Any]:
        self._keys.request("POST", f"/v3/kv/{what}", json.dumps(question))
        answer: dict[str, Any] = json.loads(self._keys.getresponse().read())
        if "error" in answer:
            raise ValueError(answer)
        return answer

    def _put(self) -> None:
        number = self._put_count
        self._ask("put", {"key": self._base64(self._name(number)), "value": self._base64(self._value(number))})
        self._put_count += 1
        past = random.randrange(self._put_count)
        self._read(past)

    def _read(self, number: int) -> None:
        [found] = self._ask("range", {"key": self._base64(self._name(number))})["kvs"]
        if base64.b64decode(found["value"]).decode() != self._value(number):
            raise ValueError(f"{self._name(number)} is {found}")

    def _watch(self, connection: http.client.HTTPConnection, created: threading.Event) -> None:
        try:
            request = {"key": self._base64("key"), "range_end": self._base64("kez")}
            connection.request("POST", "/v3/watch", json.dumps({"create_request": request}))
            answers = connection.getresponse()
            while line := answers.readline():
                result = json.loads(line)["result"]
                if result.get("created"):
                    created.set()
                for event in result.get("events", []):
                    self._watched.append(int(base64.b64decode(event["kv"]["key"])[3:]))
            self._watch_fault = "the watch ended"
        except Exception as error:
            self._watch_fault = f"the watch failed: {error!r}"

    def check(self) -> None:
        deadline = time.monotonic() + STALL_TIMEOUT_S
        while len(self._watched) < self._put_count and not self._watch_fault and time.monotonic() < deadline:
            time.sleep(0.01)
        self.expect(self._watched == list(range(self._put_count)), f"the watch reported {self._watched[-5:]} at last")
        everything = {"key": self._base64("key"), "range_end": self._base64("kez"), "count_only": True}
        count = int(self._ask("range", everything)["count"])
        self.expect(count == self._put_count, f"there are {count} keys, not {self._put_count}")
        for number in range(self.BEFORE):
            self._read(number)

    def figures(self) -> dict[str, Any]:
        if self._watch_fault and self._watch_fault not in self.faults:
            self.faults.append(self._watch_fault)
        return {"put": self._put_count, "watched": len(self._watched)}


class RedisConnection:
    """One connection in Redis's protocol (RESP2)."""

    def __init__(self, address: str) -> None:
        self._socket = socket.create_connection((address, 6379), STALL_TIMEOUT_S)
        self._answers: BinaryIO = self._socket.makefile("rb")

    def ask(self, *questions: tuple[object, ...]) -> list[Any]:
        """Send commands at once, and read all answers."""
        out = b""
        for words in questions:
            out += b"*%d\r\n" % len(words)
            for word in words:
                data = word if isinstance(word, bytes) else str(word).encode()
                out += b"$%d\r\n%b\r\n" % (len(data), data)
        self._socket.sendall(out)
        return [self._answer() for _question in questions]

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection ended")
        kind, text = line[:1], line[1:-2]
        if kind == b"-":
            raise ValueError(text.decode())
        if kind == b":":
            return int(text)
        if kind == b"$":
            return None if text == b"-1" else self._answers.read(int(text) + 2)[:-2]
        if kind == b"*":
            return [self._answer() for _entry in range(int(text))]
        return text


class Redis(Client):
    """Counters that must count every step once, and values that must be what was set; all by pipelines."""

    KEYS = 20_000
    CONNECTIONS = 4
    BATCH = 20

    def __init__(self, address: str) -> None:
        super().__init__()
        self._connection = RedisConnection(address)
        for first in range(0, self.KEYS, 1000):
            self._connection.ask(*(("SET", f"key{n}", self._value(n)) for n in range(first, first + 1000)))
        self._counts = [0] * self.CONNECTIONS
        connections = [RedisConnection(address) for _number in range(self.CONNECTIONS)]
        self.work = [Work(self._step(number, one), 0.002) for number, one in enumerate(connections)]

    @staticmethod
    def _value(number: int) -> bytes:
        return random.Random(number).randbytes(200)

    def _step(self, number: int, connection: RedisConnection) -> Callable[[], None]:
        def step() -> None:
            keys = [random.randrange(self.KEYS) for _time in range(self.BATCH)]
            counted = connection.ask(*((("INCR", f"counter{number}"),) * self.BATCH))
            if counted != list(range(self._counts[number] + 1, self._counts[number] + 1 + self.BATCH)):
                raise ValueError(f"counted {counted} after {self._counts[number]}")
            self._counts[number] += self.BATCH
            for key, value in zip(keys, connection.ask(*(("GET", f"key{key}") for key in keys)), strict=True):
                if value != self._value(key):
                    raise ValueError(f"key{key} is {value!r}")

        return step

    def _information(self) -> dict[str, str]:
        [text] = self._connection.ask(("INFO", "everything"))
        return dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)

    def check(self) -> None:
        counted = [
            int(value) for value in self._connection.ask(*(("GET", f"counter{n}") for n in range(self.CONNECTIONS)))
        ]
        self.expect(counted == self._counts, f"the counters are {counted}, not {self._counts}")
        for number in range(self.KEYS):
            [value] = self._connection.ask(("GET", f"key{number}"))
            self.expect(value == self._value(number), f"key{number} is {value!r}")
        info = self._information()
        self.expect(info["aof_last_write_status"] == "ok", "the append-only file cannot be written")
        self.expect(info["rdb_last_bgsave_status"] == "ok", "a snapshot failed")

    def figures(self) -> dict[str, Any]:
        info = self._information()
        return {"forks": int(info["total_forks"]), "run_id": info["run_id"], "saves": int(info["rdb_saves"])}


class Counter(Client):
    """Requests over one HTTP connection to a server that answers how many there were."""

    PORT = 8080

    def __init__(self, address: str) -> None:
        super().__init__()
        self._connection = self._open(address)
        self._connection.connect()
        self._connection.auto_open = 0
        self._count = 0
        self.work = [Work(self._ask, 0.002)]

    def _open(self, address: str) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(address, self.PORT, timeout=STALL_TIMEOUT_S)

    def _ask(self) -> None:
        self._connection.request("GET", "/")
        answer = int(self._connection.getresponse().read())
        self._count += 1
        if answer != self._count:
            raise ValueError(f"{answer} after {self._count} requests")

    def figures(self) -> dict[str, Any]:
        return {"count": self._count}


class TlsCounter(Counter):
    """The same over TLS 1.3."""

    PORT = 8443

    def _open(self, address: str) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(address, self.PORT, timeout=STALL_TIMEOUT_S, context=tls())


def tls(*protocols: str) -> ssl.SSLContext:
    """Of a client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class Http2(Client):
    """Requests for a file by HTTP/2 (RFC 9113) over one TLS 1.3 connection."""

    _DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 4, 6, 8
    _END_STREAM, _ACK, _END_HEADERS = 1, 1, 4

    def __init__(self, address: str) -> None:
        super().__init__()
        plain = socket.create_connection((address, 8443), STALL_TIMEOUT_S)
        self._link = tls("h2").wrap_socket(plain)
        self._link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._frame(self._SETTINGS, 0, 0)
        self._stream = -1
        self._content = b""
        self.work = [Work(self._get, 0.005)]

    def _frame(self, kind: int, flags: int, stream: int, content: bytes = b"") -> None:
        self._link.sendall(len(content).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + content)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._link.recv(size - len(data))
            if not part:
                raise ConnectionError("the connection ended")
            data += part
        return data

    def _get(self) -> None:
        self._stream += 2
        path, authority = b"/debian_version", b"proof.example"
        # RFC 7541: GET, :path, https, :authority; nothing is indexed
        block = b"\x82\x04" + bytes([len(path)]) + path + b"\x87\x01" + bytes([len(authority)]) + authority
        self._frame(self._HEADERS, self._END_STREAM | self._END_HEADERS, self._stream, block)
        content, ended = b"", False
        while not ended:
            head = self._exactly(9)
            data, (kind, flags, stream) = (
                self._exactly(int.from_bytes(head[:3], "big")),
                struct.unpack(">BBI", head[3:]),
            )
            if kind in (self._SETTINGS, self._PING) and not flags & self._ACK:
                self._frame(kind, self._ACK, 0, data if kind == self._PING else b"")
            if stream != self._stream:
                continue
            if kind == self._DATA:
                content += data
                self._frame(self._WINDOW_UPDATE, 0, 0, struct.pack(">I", max(1, len(data))))
            ended = kind in (self._DATA, self._HEADERS) and bool(flags & self._END_STREAM)
        if not content or (self._content and content != self._content):
            raise ValueError(f"{content!r} after {self._content!r}")
        self._content = content


class Unbound(Client):
    """Questions by DNS over UDP, from one socket."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.connect((address, 5353))
        self._link.settimeout(STALL_TIMEOUT_S)
        self._number = 0
        self.work = [Work(self._ask, 0.002)]

    def _ask(self) -> None:
        self._number += 1
        name = b"".join(bytes([len(part)]) + part for part in (b"n%d" % self._number, b"proof", b"example", b""))
        self._link.send(struct.pack(">6H", self._number & 0xFFFF, 0x100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1))
        answer = self._link.recv(512)
        if answer[:2] != struct.pack(">H", self._number & 0xFFFF) or not answer.endswith(
            socket.inet_aton("192.0.2.53")
        ):
            raise ValueError(answer.hex())


class Mariadb(Client):
    """Rows of a MariaDB that are written and counted over one connection, which has a session variable.

    The protocol is that of "Client/Server Protocol" in MariaDB's documentation: no TLS, no password.
    """

    PORT = 3306
    _CAPABILITIES = 0x00000200 | 0x00008000  # CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION
    _QUERY = b"\x03"

    def __init__(self, address: str) -> None:
        super().__init__()
        self._link = socket.create_connection((address, self.PORT), timeout=STALL_TIMEOUT_S)
        self._stream = self._link.makefile("rb")
        self._rows = 0
        self._packet()
        greeting = struct.pack("<IIB23x", self._CAPABILITIES, 1 << 24, 33) + b"user\0" + b"\0"
        self._send(1, greeting)
        self._packet()
        for query in ("CREATE DATABASE work", "CREATE TABLE work.numbers (number INT PRIMARY KEY) ENGINE=InnoDB",
                      "CREATE TEMPORARY TABLE work.mine (number INT)", "SET @rows = 0"):  # fmt: skip
            self._ask(query)
        self.work = [Work(self._insert, 0.005)]

    def _send(self, number: int, content: bytes) -> None:
        self._link.sendall(len(content).to_bytes(3, "little") + bytes([number]) + content)

    def _packet(self) -> bytes:
        header = self._stream.read(4)
        content = self._stream.read(int.from_bytes(header[:3], "little"))
        if not header or content[:1] == b"\xff":
            raise ValueError(content[3:].decode(errors="replace") or "the connection has ended")
        return content

    def _ask(self, query: str) -> list[str]:
        """The texts of the only row; none of a query that has no result."""
        self._send(0, self._QUERY + query.encode())
        first = self._packet()
        if first[:1] == b"\0":
            return []
        for _definition in range(first[0]):
            self._packet()
        self._packet()  # end of the definitions
        row, values = self._packet(), []
        while row:
            length = row[0]
            values.append(row[1 : 1 + length].decode())
            row = row[1 + length :]
        self._packet()  # end of the rows
        return values

    def _insert(self) -> None:
        self._ask(f"INSERT INTO work.numbers VALUES ({self._rows})")
        self._ask(f"INSERT INTO work.mine VALUES ({self._rows})")
        self._ask("SET @rows = @rows + 1")
        self._rows += 1
        self._compare()

    def _compare(self) -> None:
        counts = "(SELECT COUNT(*) FROM work.numbers), (SELECT COUNT(*) FROM work.mine)"
        found = self._ask(f"SELECT @rows, {counts}")
        if found != [str(self._rows)] * 3:
            raise ValueError(f"{found} after {self._rows} rows")

    def check(self) -> None:
        self._compare()

    def figures(self) -> dict[str, Any]:
        return {"count": self._rows}


class Postgresql(Client):
    """Rows of a PostgreSQL that are written and counted over one connection, which has a temporary table.

    A second connection waits for a notification of each. The protocol is that of "Frontend/Backend Protocol" in
    PostgreSQL's documentation, version 3.0: no TLS, no password.
    """

    PORT = 5432
    _VERSION = 3 << 16
    _READY, _ROW, _ERROR, _NOTIFICATION = b"Z", b"D", b"E", b"A"

    def __init__(self, address: str) -> None:
        super().__init__()
        self._rows = self._heard = 0
        self._link, self._listener = self._open(address), self._open(address)
        for query in ("CREATE TABLE numbers (number INT PRIMARY KEY)", "CREATE TEMPORARY TABLE mine (number INT)",
                      "PREPARE put AS INSERT INTO mine VALUES ($1)", "SELECT pg_advisory_lock(7)"):  # fmt: skip
            self._ask(self._link, query)
        self._ask(self._listener, "LISTEN numbers")
        self.work = [Work(self._insert, 0.005), Work(self._listen, 0)]

    def _open(self, address: str) -> socket.socket:
        link = socket.create_connection((address, self.PORT), timeout=STALL_TIMEOUT_S)
        parameters = b"user\0user\0database\0postgres\0\0"
        link.sendall(struct.pack(">II", 8 + len(parameters), self._VERSION) + parameters)
        self._answer(link)
        return link

    @staticmethod
    def _read(link: socket.socket, size: int) -> bytes:
        content = b""
        while len(content) < size:
            part = link.recv(size - len(content))
            if not part:
                raise ValueError("the connection has ended")
            content += part
        return content

    def _message(self, link: socket.socket) -> tuple[bytes, bytes]:
        kind, size = struct.unpack(">cI", self._read(link, 5))
        content = self._read(link, size - 4)
        if kind == self._ERROR:
            raise ValueError(content.decode(errors="replace"))
        return kind, content

    def _answer(self, link: socket.socket) -> list[str]:
        """The texts of the last row."""
        values: list[str] = []
        kind = b""
        while kind != self._READY:
            kind, content = self._message(link)
            if kind == self._ROW:
                values, at = [], 2
                for _value in range(struct.unpack_from(">H", content)[0]):
                    (size,) = struct.unpack_from(">I", content, at)
                    values.append(content[at + 4 : at + 4 + size].decode())
                    at += 4 + size
        return values

    def _ask(self, link: socket.socket, query: str) -> list[str]:
        text = query.encode() + b"\0"
        link.sendall(b"Q" + struct.pack(">I", 4 + len(text)) + text)
        return self._answer(link)

    def _insert(self) -> None:
        self._ask(self._link, f"INSERT INTO numbers VALUES ({self._rows})")
        self._ask(self._link, f"EXECUTE put({self._rows})")
        self._ask(self._link, f"NOTIFY numbers, '{self._rows}'")
        self._rows += 1
        self._compare()

    def _listen(self, timeout_s: float = 0.1) -> None:
        """Wait for one notification; they come in order."""
        if not select.select([self._listener], [], [], timeout_s)[0]:
            return
        kind, content = self._message(self._listener)
        if kind == self._NOTIFICATION:
            number = int(content[4:].split(b"\0")[1])
            self.expect(number == self._heard, f"notification {number} came in place of {self._heard}")
            self._heard = number + 1

    def _compare(self) -> None:
        locks = "(SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory')"
        found = self._ask(self._link, f"SELECT (SELECT COUNT(*) FROM numbers), (SELECT COUNT(*) FROM mine), {locks}")
        if found != [str(self._rows), str(self._rows), "1"]:
            raise ValueError(f"{found} after {self._rows} rows")

    def check(self) -> None:
        self._compare()
        for _number in range(self._heard, self._rows):
            self._listen(STALL_TIMEOUT_S)

    def figures(self) -> dict[str, Any]:
        return {"count": self._rows, "heard": self._heard}


class FastCgi(Client):
    """Requests over one connection of FastCGI 1.0, each answered by a script with their number."""

    PORT = 9000
    _BEGIN, _PARAMETERS, _INPUT, _OUTPUT, _END = 1, 4, 5, 6, 3
    _RESPONDER_KEEP = struct.pack(">HB5x", 1, 1)

    def __init__(self, address: str) -> None:
        super().__init__()
        self._link = socket.create_connection((address, self.PORT), timeout=STALL_TIMEOUT_S)
        self._stream = self._link.makefile("rb")
        self._count = 0
        variables = {"SCRIPT_FILENAME": "/count.php", "REQUEST_METHOD": "GET"}
        pairs = b"".join(bytes([len(name), len(value)]) + (name + value).encode() for name, value in variables.items())
        self._request = b"".join(
            struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content
            for kind, content in (
                (self._BEGIN, self._RESPONDER_KEEP),
                (self._PARAMETERS, pairs),
                (self._PARAMETERS, b""),
                (self._INPUT, b""),
            )
        )
        self.work = [Work(self._ask, 0.005)]

    def _ask(self) -> None:
        self._link.sendall(self._request)
        answer, kind = b"", 0
        while kind != self._END:
            _version, kind, _number, length, padding, _reserved = struct.unpack(">BBHHBB", self._stream.read(8))
            content = self._stream.read(length + padding)[:length]
            answer += content if kind == self._OUTPUT else b""
        self._count += 1
        text = answer.partition(b"\r\n\r\n")[2].decode()
        if text != str(self._count):
            raise ValueError(f"{text} after {self._count} requests")

    def figures(self) -> dict[str, Any]:
        return {"count": self._count}


class Hlr(Client):
    """Authentication vectors by GSUP, each step of which is written to the data base, and an open VTY."""

    IMSI = "001010000000001"
    VECTORS = 5
    _CCM, _OSMO, _GSUP = 0xFE, 0xEE, 0x05
    _ID_GET, _ID_RESPONSE, _ID_ACK, _PING, _PONG = 0x04, 0x05, 0x06, 0x00, 0x01
    _SERIAL, _UNIT = 0x00, 0x08
    _SEND_AUTHENTICATION, _AUTHENTICATION, _TAG_IMSI, _TAG_VECTOR, _TAG_RAND = 0x08, 0x0A, 0x01, 0x03, 0x20

    def __init__(self, address: str) -> None:
        super().__init__()
        self._vty = socket.create_connection((address, 4258), STALL_TIMEOUT_S)
        self._prompt(b"> ")
        self._order("enable")
        self._order(f"subscriber imsi {self.IMSI} create")
        key, op = "0123456789abcdef" * 2, "0011223344556677" * 2
        self._order(f"subscriber imsi {self.IMSI} update aud3g milenage k {key} op {op}")
        self._order(f"subscriber imsi {self.IMSI} update msisdn 4711")
        self._gsup = socket.create_connection((address, 4222), STALL_TIMEOUT_S)
        self._seen: set[bytes] = set()
        self._vectors = 0
        self._greet()
        self.work = [Work(self._authenticate, 0.01), Work(self._show, 0.05)]

    def _prompt(self, end: bytes) -> str:
        said = b""
        while not said.endswith(end):
            part = self._vty.recv(4096)
            if not part:
                raise ConnectionError("the VTY ended")
            said += part
        return said.decode(errors="replace")

    def _order(self, order: str) -> str:
        self._vty.sendall(order.encode() + b"\r\n")
        return self._prompt(b"# ")

    def _show(self) -> None:
        said = self._order(f"subscriber imsi {self.IMSI} show")
        if "MSISDN: 4711" not in said:
            raise ValueError(said)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._gsup.recv(size - len(data))
            if not part:
                raise ConnectionError("the GSUP connection ended")
            data += part
        return data

    def _send(self, stream: int, data: bytes) -> None:
        """A message of the IPA multiplex, OsmoHLR's user manual, "IPA"."""
        self._gsup.sendall(struct.pack(">HB", len(data), stream) + data)

    def _receive(self, stream: int) -> bytes:
        while True:
            size, kind = struct.unpack(">HB", self._exactly(3))
            data = self._exactly(size)
            if kind == self._CCM and data[0] == self._PING:
                self._send(self._CCM, bytes([self._PONG]))
            elif kind == stream:
                return data

    def _greet(self) -> None:
        if self._receive(self._CCM)[0] != self._ID_GET:
            raise ValueError("the HLR does not ask who is there")
        said = bytes([self._ID_RESPONSE])
        for tag, text in ((self._SERIAL, b"SGSN-proof\0"), (self._UNIT, b"0/0/0\0")):
            said += struct.pack(">HB", 1 + len(text), tag) + text
        self._send(self._CCM, said)
        self._send(self._CCM, bytes([self._ID_ACK]))

    def _authenticate(self) -> None:
        digits = self.IMSI + "f"
        imsi = bytes(int(digits[i + 1] + digits[i], 16) for i in range(0, len(digits), 2))
        question = bytes([self._GSUP, self._SEND_AUTHENTICATION, self._TAG_IMSI, len(imsi)]) + imsi
        self._send(self._OSMO, question)
        answer = self._receive(self._OSMO)
        if answer[:2] != bytes([self._GSUP, self._AUTHENTICATION]):
            raise ValueError(f"the HLR answers {answer.hex()}")
        vectors = [value for tag, value in self._elements(answer[2:]) if tag == self._TAG_VECTOR]
        challenges = [value for vector in vectors for tag, value in self._elements(vector) if tag == self._TAG_RAND]
        if len(challenges) != self.VECTORS or self._seen & set(challenges):
            raise ValueError(f"the HLR gives {len(challenges)} vectors, or old ones")
        self._seen |= set(challenges)
        self._vectors += self.VECTORS

    @staticmethod
    def _elements(data: bytes) -> list[tuple[int, bytes]]:
        found = []
        while data:
            found.append((data[0], data[2 : 2 + data[1]]))
            data = data[2 + data[1] :]
        return found

    def figures(self) -> dict[str, Any]:
        return {"vectors": self._vectors}


class Ggsn(Client):
    """A PDP context, and pings through it: by GTP-U to the GGSN, by its TUN device to the address there, and back."""

    GATEWAY = "172.16.222.0"
    _GTPC, _GTPU = 2123, 2152
    _CREATE, _CREATED, _ECHO, _ECHOED, _PACKET = 16, 17, 1, 2, 255
    _ACCEPTED = 128
    _T3_RESPONSE_S, _N3_REQUESTS = 3, 3
    _FIXED: ClassVar = {1: 1, 8: 1, 14: 1, 16: 4, 17: 4, 127: 4}
    """Bytes of the information elements without a length; TS 29.060, table 37."""
    _OWN_CONTROL, _OWN_DATA = 0x1001, 0x1002

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._control = self._bound(self._GTPC)
        self._data = self._bound(self._GTPU)
        self._control.settimeout(self._T3_RESPONSE_S)
        self._sequence = self.repeated = 0
        self._create()
        self.sent = 0
        self.answers: dict[int, int] = {}
        self._gap_ms, self._last = 0.0, time.monotonic()
        threading.Thread(target=self._receive, daemon=True).start()
        self.work = [Work(self._ping, 0.005), Work(self._echo, 0.2)]

    def _bound(self, port: int) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", port))
        made.connect((self._address, port))
        made.settimeout(STALL_TIMEOUT_S)
        return made

    def _ask(self, kind: int, teid: int, content: bytes) -> tuple[int, bytes]:
        """A request, which is repeated when it is not answered: TS 29.060, clause 7.6."""
        self._sequence += 1
        header = struct.pack(">BBHIHBB", 0x32, kind, 4 + len(content), teid, self._sequence, 0, 0)
        for time_sent in range(self._N3_REQUESTS):
            self.repeated += time_sent > 0
            self._control.send(header + content)
            with contextlib.suppress(TimeoutError):
                while True:
                    answer = self._control.recv(65536)
                    sequence = struct.unpack_from(">H", answer, 8)[0]
                    if answer[1] in (self._CREATED, self._ECHOED) and sequence == self._sequence:
                        return answer[1], answer[12:]
        raise TimeoutError("a request is not answered")

    def _echo(self) -> None:
        kind, _content = self._ask(self._ECHO, 0, b"")
        if kind != self._ECHOED:
            raise ValueError(f"an echo request is answered by message {kind}")

    def _create(self) -> None:
        """TS 29.060, clause 7.3.1."""
        own = socket.inet_aton(self._control.getsockname()[0])

        def element(number: int, value: bytes) -> bytes:
            return bytes([number]) + (b"" if number in self._FIXED else struct.pack(">H", len(value))) + value

        content = b"\x02" + bytes.fromhex("00010100000010f1") + b"\x0f\xfc"
        content += element(16, struct.pack(">I", self._OWN_DATA)) + element(17, struct.pack(">I", self._OWN_CONTROL))
        content += b"\x14\x05" + element(128, b"\xf1\x21") + element(131, b"\x08internet")
        content += element(133, own) * 2 + element(134, b"\x91\x74\x11") + element(135, bytes.fromhex("011b931f"))
        kind, answer = self._ask(self._CREATE, 0, content)
        elements: dict[int, bytes] = {}
        while answer:
            number = answer[0]
            size = self._FIXED.get(number)
            start = 1 if size is not None else 3
            size = struct.unpack_from(">H", answer, 1)[0] if size is None else size
            elements[number] = answer[start : start + size]
            answer = answer[start + size :]
        if kind != self._CREATED or elements[1][0] != self._ACCEPTED:
            raise ValueError(f"no PDP context: message {kind}, {elements}")
        self._teid = struct.unpack(">I", elements[16])[0]
        self._ue = elements[128][2:6]

    @staticmethod
    def _checksum(data: bytes) -> int:
        total = sum(struct.unpack(f">{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return ~total & 0xFFFF

    def _ping(self) -> None:
        message = struct.pack(">BBHHHI", 8, 0, 0, 4711, self.sent & 0xFFFF, self.sent)
        message = message[:2] + struct.pack(">H", self._checksum(message)) + message[4:]
        header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(message), 0, 0, 64, 1, 0, self._ue,
                             socket.inet_aton(self.GATEWAY))  # fmt: skip
        header = header[:10] + struct.pack(">H", self._checksum(header)) + header[12:]
        self._data.send(struct.pack(">BBHI", 0x30, self._PACKET, len(header + message), self._teid) + header + message)
        self.sent += 1

    def _receive(self) -> None:
        with contextlib.suppress(TimeoutError):
            while True:
                packet = self._data.recv(65536)
                if packet[1] != self._PACKET or struct.unpack_from(">I", packet, 4)[0] != self._OWN_DATA:
                    continue
                inner = packet[12 if packet[0] & 7 else 8 :]  # with a sequence number, or without one
                message = inner[(inner[0] & 15) * 4 :]
                if message[0] == 0:
                    number = struct.unpack_from(">I", message, 8)[0]
                    self.answers[number] = self.answers.get(number, 0) + 1
                    now = time.monotonic()
                    self._gap_ms, self._last = max(self._gap_ms, (now - self._last) * 1000), now

    def check(self) -> None:
        deadline = time.monotonic() + 2
        while len(self.answers) < self.sent and time.monotonic() < deadline:
            time.sleep(0.01)

    def figures(self) -> dict[str, Any]:
        lost = [number for number in range(self.sent) if number not in self.answers]
        return {
            "sent": self.sent,
            "answered": len(self.answers),
            "lost": lost,
            "doubled": [number for number, times in self.answers.items() if times > 1],
            "longest_gap_ms": self._gap_ms,
            "repeated": self.repeated,
            "ue": socket.inet_ntoa(self._ue),
        }


CLIENTS: dict[str, Callable[[str], Client]] = {
    "etcd": Etcd,
    "redis": Redis,
    "hlr": Hlr,
    "ggsn": Ggsn,
    "haproxytls": TlsCounter,
    "nghttpd": Http2,
    "unbound": Unbound,
    **dict.fromkeys(("nginx", "haproxy", "nodejs", "erlang", "openjdk", "sqlite"), Counter),
    "mariadb": Mariadb,
    "postgresql": Postgresql,
    "php": FastCgi,
}


def main() -> None:
    client = CLIENTS[sys.argv[1]](sys.argv[2])
    for work in client.work:
        work.start()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "quiet":
            for work in client.work:
                work.quiet()
            if not any(work.fault for work in client.work):
                client.check()
        print(json.dumps(client.report()), flush=True)


if __name__ == "__main__":
    main()
