# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server that counts requests in a data base of SQLite. Runs in a container, from the standard library alone."""

from __future__ import annotations

import http.server
import sqlite3
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with base:
            base.execute("UPDATE visits SET count = count + 1")
        [(count,)] = base.execute("SELECT count FROM visits")
        text = str(count).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_what: object) -> None:
        """Nothing: a line for each of many requests."""


base = sqlite3.connect(sys.argv[1])
base.execute("PRAGMA journal_mode = WAL")
with base:
    base.execute("CREATE TABLE visits (count)")
    base.execute("INSERT INTO visits VALUES (0)")
print("listening", flush=True)
http.server.HTTPServer(("", 8080), Handler).serve_forever()
