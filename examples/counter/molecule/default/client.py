# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends lines over one connection, and prints twice a second what it has seen: client.py ADDRESS PORT."""

import json
import socket
import sys
import time

connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
replies = connection.makefile("r")
answers = 0
while True:
    connection.sendall(b"line\n")
    count = int(replies.readline())
    answers += 1
    if answers % 50 == 0:
        print(json.dumps({"answers": answers, "count": count}), flush=True)
    time.sleep(0.01)
