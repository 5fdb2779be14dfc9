#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kube_quantity 0.9.0 (Rust crate), arithmetic on the quantities of Kubernetes, "1.5Gi" of memory or "500m" of a CPU.
#
# - to_bytes_i64() and its siblings. Expected: "the value of the quantity" in bytes, or None where that is no whole number. Seen: the fraction
#   is cut off before the unit is applied: "1.5Gi" is 1 GiB, and "0.5Gi" is Some(0). to_bytes_f64() is right.
# - The sum of a quantity with a binary suffix and one with "m", as the API server writes memory that was given as "0.9Gi"
#   (966367641600m). Expected: the sum. Seen: it is printed, and sent to the API server as a Quantity, without a suffix and 1024 times too
#   large; the other order of the two is right.
# No error in any case.
#
# Needs Rust 1.85 or newer. Fails if the behaviour changes.
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
kube_quantity = "=0.9.0"
k8s-openapi = { version = "=0.29.0", default-features = false, features = ["latest"] }
MANIFEST
cat >src/main.rs <<'RUST'
use kube_quantity::ParsedQuantity;

fn parsed(text: &str) -> ParsedQuantity {
    text.try_into().unwrap()
}

fn main() {
    const GIB: i64 = 1 << 30;
    for (text, whole, right) in [("2Gi", 2 * GIB, 2 * GIB), ("1.5Gi", GIB, 3 * GIB / 2), ("0.5Gi", 0, GIB / 2)] {
        let quantity = parsed(text);
        println!("{text}: {:?}, as f64 {:?}", quantity.to_bytes_i64(), quantity.to_bytes_f64());
        assert_eq!(quantity.to_bytes_i64(), Some(whole));
        assert_eq!(quantity.to_bytes_f64(), Some(right as f64));
    }

    let (memory, more) = (parsed("1Gi"), parsed("966367641600m"));
    let (sum, other_order) = (memory.clone() + more.clone(), more + memory);
    for (what, sum, factor) in [("1Gi and 966367641600m", sum, 1024.0), ("966367641600m and 1Gi", other_order, 1.0)] {
        let text = sum.to_string();
        let bytes = sum.to_bytes_f64().unwrap();
        let read_again = parsed(&text).to_bytes_f64().unwrap();
        println!("{what}: {bytes} bytes, printed as {text}, which is {:.3} times as much", read_again / bytes);
        assert!((bytes / (GIB as f64 * 1.9) - 1.0).abs() < 0.001);
        assert!((read_again / bytes / factor - 1.0).abs() < 0.001, "it is no longer as described");
    }
}
RUST
CARGO_HOME=$scratch/cargo cargo run --quiet
