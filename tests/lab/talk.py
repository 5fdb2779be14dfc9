"""A process that talks to itself over one established TCP connection; `answers` counts."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

with socket.create_server(("127.0.0.1", 9001)) as server:
    here = socket.create_connection(("127.0.0.1", 9001))
    there, _ = server.accept()
Path("pid").write_text(str(os.getpid()), encoding="ascii")
count = 0
while True:
    here.sendall(b"x")
    count += len(there.recv(1))
    Path("answers.new").write_text(str(count), encoding="ascii")
    Path("answers.new").rename("answers")
    time.sleep(0.01)
