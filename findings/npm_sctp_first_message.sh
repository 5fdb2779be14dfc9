#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sctp 1.0.0 (npm), "SCTP network protocol (RFC4960) in plain Javascript", as a receiver (its classes Reassembly and Chunk).
#
# - The first message of a stream has the number 0 (RFC 9260, clause 6.5). Expected: where its packet is lost or late, the
#   later ones wait for it. Seen: the stream begins with whatever comes first. Message 1 is delivered, message 0 is acknowledged and never delivered:
#   an NG SETUP REQUEST that had to be sent again is gone. A message that is late later on is delivered.
# - TSNs go on with 0 after 4294967295 (RFC 4960, clause 1.6). Expected: that. Seen: messages are delivered, but the acknowledgement
#   stays at 4294967295, so that the peer sends all of them again until it gives up. The first TSN is random, and so is when this happens.
# - Error causes have a length and padding (clause 3.3.10). Seen: the text of a cause has the first four octets of the next one at
#   its end; where one is padded, or unknown, all of them are lost. What is written has no padding.
# No error in any case.
#
# Needs Node.js and npm. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
npm install --silent --no-audit --no-fund --no-update-notifier --cache "$scratch/cache" sctp@1.0.0 >/dev/null
cat >main.js <<'JS'
const assert = require("assert");
const Chunk = require("sctp/lib/chunk");
const Reassembly = require("sctp/lib/reassembly");

function expect(what, seen, expected) {
  console.log(`${what}: ${JSON.stringify(seen)}`);
  assert.deepStrictEqual(seen, expected);
}

// What a receiver delivers of DATA chunks of one stream, and the TSN up to which it acknowledges them.
function receive(initial_tsn, order) {
  const receiver = new Reassembly({ rwnd: 100000 });
  const delivered = [];
  receiver.init({ initial_tsn });
  receiver.on("data", (data) => delivered.push(data.toString()));
  for (const ssn of order) {
    const data = { tsn: (initial_tsn + ssn) % 2 ** 32, stream_id: 1, ssn, ppid: 60, user_data: Buffer.from(`message ${ssn}`) };
    receiver.process(Chunk.fromBuffer(new Chunk("data", { ...data, flags: { B: 1, E: 1 } }).toBuffer()));
  }
  return { delivered: delivered.join(", "), acknowledged: receiver.sackInfo().c_tsn_ack };
}

const all = "message 0, message 1, message 2";
expect("in order", receive(100, [0, 1, 2]), { delivered: all, acknowledged: 102 });
expect("message 1 late", receive(100, [0, 2, 1]), { delivered: all, acknowledged: 102 });
expect("message 0 late", receive(100, [1, 0, 2]), { delivered: "message 1, message 2", acknowledged: 102 });
expect("from TSN 4294967295 on", receive(2 ** 32 - 1, [0, 1, 2]), { delivered: all, acknowledged: 2 ** 32 - 1 });

const abort = (...causes) => {
  const body = causes.join("");
  const length = (4 + body.length / 2).toString(16).padStart(4, "0");
  return Chunk.fromBuffer(Buffer.from(`0600${length}${body}`, "hex")).error_causes;
};
const reason = (text) => ({ cause_code: 12, cause: "USER_INITIATED_ABORT", abort_reason: text });
const noUserData = { cause_code: 9, cause: "NO_USER_DATA", tsn: 7 };
const gone = "000c0008" + Buffer.from("gone").toString("hex");
const bye = "000c0007" + Buffer.from("bye").toString("hex") + "00";
const noData = "0009000800000007";
expect("one cause", abort(gone), [reason("gone")]);
expect("two causes", abort(gone, noData), [reason("gone\0\t\0\b"), noUserData]);
expect("a cause of 7 octets, and one more", abort(bye, noData) ?? null, null);
expect("an unknown cause, and one more", abort("00a000080000abcd", noData) ?? null, null);
const [text, more] = ["bye", "gone"].map((abort_reason) => ({ cause: "USER_INITIATED_ABORT", abort_reason }));
const written = new Chunk("abort", { error_causes: [text, more] }).toBuffer().toString("hex");
expect("written", written, "06000013" + bye.slice(0, -2) + gone + "00");
JS
node main.js
