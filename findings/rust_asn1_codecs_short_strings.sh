#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# asn1-codecs 0.7.2 (Rust crate), aligned PER for the types that its compiler makes of NGAP's ASN.1: strings of variable length, such as
# AMFName ::= PrintableString (SIZE(1..150, ...)) and TransportLayerAddress ::= BIT STRING (SIZE(1..160, ...)) of TS 38.413.
#
# Whether the content begins at an octet is decided by what the type allows, not by what is sent: only where *no* value has more than
# 16 bits it does not (X.691, clauses 16.11 and 30.5). Expected: the name "A" is 0000 41, as pycrate, rasn and free5gc's aper have it.
# Seen: names of one and two characters follow their length at once, "A" as 0020 80, and so do bit strings of up to 16 bits. What another
# implementation sends for "A" is read as the character 0, without an error, and all that follows from the wrong bit on; "AB" is refused.
# Names of three characters and more are right, and a round trip shows nothing.
#
# Needs Rust 1.63 or newer. Fails if the behaviour changes.
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
asn1-codecs = "=0.7.2"
bitvec = "=1.0.1"
MANIFEST
cat >src/main.rs <<'RUST'
use asn1_codecs::aper::decode::decode_printable_string;
use asn1_codecs::aper::encode::{encode_bitstring, encode_printable_string};
use asn1_codecs::PerCodecData;
use bitvec::prelude::{BitVec, Msb0};

const EXTENSIBLE: bool = true;

fn name(text: &str) -> Vec<u8> {
    let mut data = PerCodecData::new_aper();
    encode_printable_string(&mut data, Some(1), Some(150), EXTENSIBLE, &text.to_string(), false).unwrap();
    data.into_bytes()
}

fn read(octets: &[u8]) -> Option<String> {
    let mut data = PerCodecData::from_slice_aper(octets);
    decode_printable_string(&mut data, Some(1), Some(150), EXTENSIBLE).ok()
}

fn bits(count: usize) -> Vec<u8> {
    let mut data = PerCodecData::new_aper();
    let ones: BitVec<u8, Msb0> = BitVec::repeat(true, count);
    encode_bitstring(&mut data, Some(1), Some(160), EXTENSIBLE, &ones, false).unwrap();
    data.into_bytes()
}

/// The extension bit and the length in eight bits, then the content, from the next octet on.
fn by_the_clause(length: usize, content: &[u8]) -> Vec<u8> {
    let head = (((length - 1) as u16) << 7).to_be_bytes();
    [&head[..], content].concat()
}

fn main() {
    for (text, as_the_clause_says) in [("A", false), ("AB", false), ("ABC", true)] {
        let (sent, right) = (name(text), by_the_clause(text.len(), text.as_bytes()));
        let received = read(&right);
        println!("{text}: {sent:02x?} is sent, {right:02x?} is right, and is read as {received:?}");
        assert_eq!(sent == right, as_the_clause_says);
        assert_eq!(received.as_deref() == Some(text), as_the_clause_says);
        assert_eq!(read(&sent).as_deref(), Some(text));
    }
    assert_eq!(name("A"), [0x00, 0x20, 0x80]);
    assert_eq!(read(&[0x00, 0x00, 0x41]).as_deref(), Some("\0"));
    for (count, as_the_clause_says) in [(8, false), (16, false), (24, true)] {
        let (sent, right) = (bits(count), by_the_clause(count, &vec![0xff; count / 8]));
        println!("{count} bits: {sent:02x?} is sent, {right:02x?} is right");
        assert_eq!(sent == right, as_the_clause_says);
    }
}
RUST
CARGO_HOME=$scratch/cargo cargo run --quiet
