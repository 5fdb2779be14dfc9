# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process with an SCTP stack for tests: commands as JSON lines on stdin, events as JSON lines on stdout."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from minicore.n2.sctp import SctpAssociation, SctpError, SctpStack, open_stack


def tell(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Peer:
    def __init__(self, stack: SctpStack) -> None:
        self._stack = stack
        self._associations: dict[str, SctpAssociation] = {}

    def association_up(self, association: SctpAssociation) -> None:
        name = str(association.peer_port)
        self._associations[name] = association
        tell("up", name=name, peers=list(association.peers), streams=association.streams)

    def association_down(self, association: SctpAssociation, reason: str) -> None:
        tell("down", name=str(association.peer_port), reason=reason)

    def received(self, association: SctpAssociation, stream: int, data: bytes) -> None:
        if data.startswith(b"echo "):
            association.send(data[5:], stream)
        else:
            tell("received", stream=stream, size=len(data), text=data[:40].decode())

    async def obey(self, command: dict[str, Any]) -> None:
        match command:
            case {"do": "listen", "addresses": addresses, "port": port}:
                tell("listening", port=self._stack.listen(addresses, port, self).port)
            case {"do": "connect", "local": local, "peers": peers, "port": port}:
                await self._stack.connect(local, peers, port, self, 5.0)
            case {"do": "send", "text": text, "stream": stream, **rest}:
                for _ in range(rest.get("times", 1)):
                    self._associations[rest["name"]].send(text.encode() * rest.get("repeat", 1), stream)
            case {"do": "close", "name": name}:
                self._associations[name].close()
            case {"do": "abort", "name": name, "reason": reason}:
                self._associations[name].abort(reason)


async def main(choice: str, answers_strangers: str) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    stack = open_stack("kernel" if choice == "kernel" else "usrsctp", answers_strangers=answers_strangers == "yes")
    peer = Peer(stack)
    tell("ready", stack=stack.name)
    while line := await reader.readline():
        try:
            await peer.obey(json.loads(line))
        except SctpError as error:
            tell("error", text=str(error))
    await stack.stop()
    tell("stopped")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
