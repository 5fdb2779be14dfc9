#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/checkpoint-restore/go-criu/v8 v8.3.0 (Go module), crit.MemoryReader, with which checkpointctl shows and searches the memory
# of a checkpoint.
#
# - A checkpoint with a parent (criu pre-dump, or --track-mem) has in its pages only what has changed; the pagemap has entries with the flag
#   PE_PARENT for the rest (criu/include/pagemap.h). Expected: those are read from the parent, or refused. Seen: they are counted as if
#   they were in the file, so that each page behind is read from a place too far: GetMemPages() gives another page's content,
#   SearchPattern() tells wrong addresses, and the end of the file comes too early. By their source, GetPsArgs() and GetPsEnvVars() read so, too.
# - CRIU 3.17.1 (Debian 12) writes the number of pages into field 2 of an entry, which is compat_nr_pages now; CRIU reads both. Seen: field 5
#   alone is read, and all memory of such a checkpoint is zeros.
# - SearchPattern() reads 10 MiB at a time, and does not find what stands across two of these parts.
#
# Needs Go 1.25 or newer. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >go.mod <<'MODULE'
module finding

go 1.25
MODULE
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/checkpoint-restore/go-criu/v8/crit"
	"github.com/checkpoint-restore/go-criu/v8/crit/images/pagemap"
	"google.golang.org/protobuf/proto"
)

const (
	pageSize = 4096
	start    = 0x10000
	inParent = 1 // PE_PARENT
	present  = 4 // PE_PRESENT
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, seen, expected any) {
	fmt.Printf("%s: %v\n", what, seen)
	if fmt.Sprint(seen) != fmt.Sprint(expected) {
		panic(fmt.Sprintf("it was %v", expected))
	}
}

func entry(page, count int, flags uint32) *pagemap.PagemapEntry {
	return &pagemap.PagemapEntry{
		Vaddr:         proto.Uint64(start + uint64(page)*pageSize),
		CompatNrPages: proto.Uint32(uint32(count)),
		NrPages:       proto.Uint64(uint64(count)),
		Flags:         proto.Uint32(flags),
	}
}

// checkpoint makes a folder with a pagemap and the pages that are present.
func checkpoint(name string, content []byte, entries ...*pagemap.PagemapEntry) *crit.MemoryReader {
	check(os.Mkdir(name, 0o700))
	image := &crit.CriuImage{Magic: "PAGEMAP", Entries: []*crit.CriuEntry{{Message: &pagemap.PagemapHead{PagesId: proto.Uint32(1)}}}}
	for _, one := range entries {
		image.Entries = append(image.Entries, &crit.CriuEntry{Message: one})
	}
	file, err := os.Create(filepath.Join(name, "pagemap-7.img"))
	check(err)
	check(crit.New(nil, file, "", false, false).Encode(image))
	check(file.Close())
	check(os.WriteFile(filepath.Join(name, "pages-1.img"), content, 0o600))
	reader, err := crit.NewMemoryReader(name, 7, pageSize)
	check(err)
	return reader
}

// page is one page that begins with a text.
func page(text string) []byte {
	return append([]byte(text), make([]byte, pageSize-len(text))...)
}

func read(reader *crit.MemoryReader, number int) string {
	content, err := reader.GetMemPages(start+uint64(number)*pageSize, start+uint64(number)*pageSize+8)
	if err != nil {
		return err.Error()
	}
	return strings.TrimRight(content.String(), "\x00")
}

func found(reader *crit.MemoryReader, text string) []uint64 {
	matches, err := reader.SearchPattern(text, true, 0, 0)
	check(err)
	addresses := []uint64{}
	for _, match := range matches {
		addresses = append(addresses, (match.Vaddr-start)/pageSize)
	}
	return addresses
}

func main() {
	whole := bytes.Join([][]byte{page("zero"), page("one"), page("two"), page("three")}, nil)
	reader := checkpoint("whole", whole, entry(0, 4, present))
	expect("whole, page 2", read(reader, 2), "two")
	expect("whole, found two", found(reader, "two"), []uint64{2})

	changed := bytes.Join([][]byte{page("zero"), page("two"), page("three")}, nil)
	reader = checkpoint("child", changed, entry(0, 1, present), entry(1, 1, inParent), entry(2, 2, present))
	expect("page 1 is in the parent, page 0", read(reader, 0), "zero")
	expect("page 1 is in the parent, page 1", read(reader, 1), "two")
	expect("page 1 is in the parent, page 2", read(reader, 2), "three")
	expect("page 1 is in the parent, page 3", read(reader, 3), "EOF")
	expect("page 1 is in the parent, found two", found(reader, "two"), []uint64{1})

	old := entry(0, 4, present)
	old.NrPages = nil
	reader = checkpoint("old", whole, old)
	expect("number of pages in field 2, page 2", read(reader, 2), "")
	expect("number of pages in field 2, found two", found(reader, "two"), []uint64{})

	const part = 10 * 1024 * 1024
	large := make([]byte, 2*part)
	copy(large[part-4:], "imsi-001")
	copy(large[part+8192:], "imsi-002")
	reader = checkpoint("large", large, entry(0, len(large)/pageSize, present))
	expect("inside of a part", len(found(reader, "imsi-002")), 1)
	expect("across two parts", len(found(reader, "imsi-001")), 0)
}
GO
go get github.com/checkpoint-restore/go-criu/v8@v8.3.0 2>messages || { cat messages; exit 1; }
go run . 2>messages || { cat messages; exit 1; }
