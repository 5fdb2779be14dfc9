#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# prometheus-parse 0.2.5 and openmetrics-parser 0.5.1 (Rust crate): the labels of metrics in Prometheus' text format.
#
# The format's description: a label's value is any text, in which backslash, quote and line feed are escaped; spaces between the tokens
# are ignored. Expected: such labels are read, or refused.
# Seen in prometheus-parse, without an error: a comma inside a value ends it; a label with "=" inside its value is left out; a sample with
# "}" inside a value is left out itself; escapes stay as they are; a space before or behind "=" becomes part of the name or the value.
# Series that differ in such a value alone, as a path, an NSI or a list of slices has it, become one.
# openmetrics-parser reads all of these, but refuses all that a server exposes when two series of a metric have different names of labels
# ("code" only where there was one), which Prometheus allows and stores.
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
prometheus-parse = "=0.2.5"
openmetrics-parser = "=0.5.1"
MANIFEST
cat >src/main.rs <<'RUST'
use openmetrics_parser::prometheus::parse_prometheus;
use prometheus_parse::Scrape;

/// The labels that prometheus-parse finds, in order of their names; nothing where it finds no sample.
fn read(line: &str) -> Option<String> {
    let scrape = Scrape::parse(std::iter::once(Ok(line.to_owned()))).expect("it is no longer as described");
    let sample = scrape.samples.into_iter().next()?;
    let mut labels: Vec<_> = sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    labels.sort();
    Some(labels.join(";"))
}

fn main() {
    for (labels, expected) in [
        (r#"dnn="internet",nf="smf""#, Some(r"dnn=internet;nf=smf")),
        (r#"slices="1-000001,1-000002",nf="smf""#, Some(r"nf=smf;slices=1-000001")),
        (r#"query="nf-type=SMF",nf="nrf""#, Some(r"nf=nrf")),
        (r#"path="/sm-contexts/{ref}",nf="smf""#, None),
        (r#"release="\"18\"",nf="smf""#, Some(r#"nf=smf;release=\"18\"#)),
        (r#"nf = "smf""#, Some(r#"nf = "smf"#)),
    ] {
        let line = format!("sessions{{{labels}}} 5");
        let seen = read(&line);
        println!("{line}\n  {seen:?}");
        assert_eq!(seen.as_deref(), expected, "it is no longer as described");
        let other = parse_prometheus(&format!("{line}\n")).expect("openmetrics-parser reads it");
        assert_eq!(other.families.len(), 1);
    }
    let refused = parse_prometheus("sessions{nf=\"smf\"} 5\nsessions{nf=\"smf\",code=\"404\"} 1\nup 1\n");
    println!("different labels: {:?}", refused.as_ref().err());
    assert!(refused.is_err(), "it is no longer as described");
}
RUST
CARGO_HOME=$scratch/cargo cargo run --quiet
