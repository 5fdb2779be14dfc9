#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rs-pfcp 0.5.0 (Rust crate), a PFCP library: VLAN tags and packet filters in the rules of a UPF.
#
# C-TAG and S-TAG (TS 29.244, clauses 8.2.94 and 8.2.95): flags of what is present in the first octet, then four bits of the VLAN
# identifier with the priority below them, then the other eight. Expected: that. Seen: the two octets as 802.1Q has them on
# the wire, and a third of 0. Nothing is refused in either direction: VLAN 0xabc from another vendor is read as 0x5a3, and what
# is sent has flags that nobody set.
# SDF Filter (clause 8.2.5): each part has a flag, the flow description as well. Expected: a filter that was sent before is named
# by its identifier alone. Seen: an SDF Filter without a flow description is refused, and so is the rule that holds it.
# Flow Information (clause 8.2.61): a direction and a length stand before the text. Seen: the text alone is written.
#
# Needs Rust 1.87 or newer. Fails if the behaviour changes.
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
rs-pfcp = "=0.5.0"
MANIFEST
cat >src/main.rs <<'RUST'
use rs_pfcp::ie::c_tag::CTag;
use rs_pfcp::ie::flow_information::FlowInformation;
use rs_pfcp::ie::s_tag::STag;
use rs_pfcp::ie::sdf_filter::SdfFilter;

fn main() {
    // Priority 3 and VLAN 0xabc: by the clause the flags PCP and VID, then a, drop eligible 0 and 3, then bc.
    let by_the_clause = [0b101, 0xa3, 0xbc];
    let sent = CTag::new(3, false, 0xabc).unwrap().marshal();
    let read = CTag::unmarshal(&by_the_clause).unwrap();
    println!("C-TAG: {sent:02x?} is sent, {by_the_clause:02x?} is read as VLAN {:#x}, priority {}", read.vid(), read.priority());
    assert_eq!(sent, [0x6a, 0xbc, 0]);
    assert_eq!((read.vid(), read.priority()), (0x5a3, 0));
    let read = STag::unmarshal(&by_the_clause).unwrap();
    assert_eq!((read.vid(), read.priority()), (0x5a3, 0));

    // The flag BID, a spare octet, and the identifier 7.
    let refused = SdfFilter::unmarshal(&[0x10, 0, 0, 0, 0, 7]).expect_err("it is no longer as described");
    println!("SDF Filter: {refused:?}");

    let flow = FlowInformation::all_traffic().unwrap().marshal();
    println!("Flow Information: {} octets, of which the first is {:?}", flow.len(), flow[0] as char);
    assert_eq!(flow, b"permit out ip from any to assigned");
}
RUST
CARGO_HOME=$scratch/cargo cargo run --quiet
