#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# nftables 0.6.3 (Rust crate), types for the JSON of nft: a rule set that is read with them and written again.
#
# Expected: what libnftables-json(5) describes comes back as it was, or is refused. Seen:
# - A rule may put the sender into a set together with a limit or a counter of its own: "add @senders { ip saddr limit rate over
#   3/second } drop" drops what is too much of each. The limit is lost without an error, and the rule drops everything.
# - "ct state vmap { established : accept }" is read and written so that nft refuses all of it: a verdict inside of an expression becomes
#   the text "accept" where an object was. So is "notrack".
# - A map of verdicts is not read at all ("did not match any variant"), and with it none of the rule set.
# nft itself loads its own listing unchanged in each of these cases.
#
# Needs root, for a network namespace of its own, nft and Rust 1.76 or newer. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir src
cat >Cargo.toml <<'MANIFEST'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
nftables = "=0.6.3"
serde_json = "=1.0.154"
MANIFEST
cat >src/main.rs <<'RUST'
use nftables::schema::Nftables;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules: Nftables = serde_json::from_reader(std::io::stdin())?;
    serde_json::to_writer(std::io::stdout(), &rules)?;
    Ok(())
}
RUST
CARGO_HOME=$scratch/cargo cargo build --quiet
cat >inside.sh <<'INSIDE'
set -euo pipefail
again() { # what, an object of the table, a rule: what becomes of it in the crate's types and in nft's own JSON
    local by_crate
    nft flush ruleset
    printf 'table inet guard {\n%s\nchain input {\n%s\n}\n}\n' "$2" "$3" | nft -f -
    nft list ruleset >before
    nft -j list ruleset >listed
    nft flush ruleset
    nft -j -f listed
    nft list ruleset | cmp before -
    nft flush ruleset
    if ! target/debug/finding <listed >written 2>messages; then
        by_crate="not read: $(grep -o 'did not match any variant' messages)"
    elif ! nft -j -f written 2>messages; then
        by_crate="refused by nft: $(grep -oE "Can't parse [a-z ]+|Unexpected expr[a-z ]+" messages)"
    else
        nft list ruleset >after
        by_crate=$({ diff before after || true; } | sed -n 's/^>[[:space:]]*//p')
    fi
    echo "$1: ${by_crate:-the same}"
}
senders='set senders {
type ipv4_addr
size 100
flags timeout
}'
again "a limit in the rule" "" 'limit rate over 3/second drop'
again "a limit of each sender" "$senders" 'add @senders { ip saddr timeout 5s limit rate over 3/second } drop'
again "a counter of each sender" "$senders" 'update @senders { ip saddr counter } accept'
again "verdicts in a rule" "" 'ct state vmap { established : accept, invalid : drop }'
again "notrack" "" 'udp dport 2152 notrack'
again "a map of verdicts" 'map peers {
type ipv4_addr : verdict
elements = { 192.0.2.1 : accept }
}' 'ip saddr vmap @peers'
INSIDE
unshare --net bash inside.sh | tee seen
diff seen - <<'SEEN'
a limit in the rule: the same
a limit of each sender: add @senders { ip saddr timeout 5s } drop
a counter of each sender: update @senders { ip saddr } accept
verdicts in a rule: refused by nft: Can't parse symbolic netfilter verdict expressions
notrack: refused by nft: Unexpected expr array element of type string
a map of verdicts: not read: did not match any variant
SEEN
