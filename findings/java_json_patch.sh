#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# com.github.java-json-tools:json-patch 1.13, com.flipkart.zjsonpatch:zjsonpatch 0.4.16 and io.fabric8:zjsonpatch 7.5.2 (Maven; the last one is in
# the Kubernetes client): JSON Patches that are made out of two documents, and applied.
#
# - json-patch, JsonDiff. Expected: the patch turns the first document into the second. Seen: where a value leaves one array for another and
#   more leaves the same array before it, its place is off by what has left: [[10, 20]] becomes [[], 20, 30] in place of [[], 10, 30].
# - Both zjsonpatch: in a name "~01" is "~1" (RFC 6901, clause 4, which warns of the other order). Expected: their own patch for a member "b~1"
#   changes it. Seen: they write "/b~01" and read it as "b/". remove does nothing, and add makes a member with the other name.
# - Both zjsonpatch: numbers are equal if their values are (RFC 6902, clause 4.6). Seen: test of 1.0 fails where 1 is. In json-patch it does not.
# No error but in the last case.
#
# Needs Java 17 and Maven. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
dependency() { printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>' "$@"; }
cat >pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>0</version>
  <dependencies>
    $(dependency com.fasterxml.jackson.core jackson-databind 2.20.0)
    $(dependency com.github.java-json-tools json-patch 1.13)
    $(dependency com.flipkart.zjsonpatch zjsonpatch 0.4.16)
    $(dependency io.fabric8 zjsonpatch 7.5.2)
  </dependencies>
</project>
POM
mvn --quiet --batch-mode -Dmaven.repo.local="$scratch/repository" dependency:copy-dependencies -DoutputDirectory=lib >/dev/null
cat >Finding.java <<'JAVA'
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;

public class Finding {
    interface Operation {
        JsonNode of(JsonNode one, JsonNode other) throws Exception;
    }

    record Library(String name, Operation diff, Operation apply) {}

    static final Library JSON_PATCH = new Library(
        "json-patch",
        com.github.fge.jsonpatch.diff.JsonDiff::asJson,
        (document, patch) -> com.github.fge.jsonpatch.JsonPatch.fromJson(patch).apply(document));
    static final List<Library> ZJSONPATCH = List.of(
        new Library(
            "zjsonpatch",
            com.flipkart.zjsonpatch.JsonDiff::asJson,
            (document, patch) -> com.flipkart.zjsonpatch.JsonPatch.apply(patch, document)),
        new Library(
            "fabric8's zjsonpatch",
            io.fabric8.zjsonpatch.JsonDiff::asJson,
            (document, patch) -> io.fabric8.zjsonpatch.JsonPatch.apply(patch, document)));

    static JsonNode json(String text) throws Exception {
        return new ObjectMapper().readTree(text.replace('\'', '"'));
    }

    static void expect(String what, Object seen, String expected) throws Exception {
        System.out.println(what + ": " + seen);
        if (!seen.toString().equals(expected.replace('\'', '"'))) {
            throw new AssertionError("it was " + expected);
        }
    }

    static void turns(Library library, String from, String to, String seen) throws Exception {
        JsonNode patch = library.diff.of(json(from), json(to));
        expect(library.name + ", " + from + " to " + to + " by " + patch, library.apply.of(json(from), patch), seen);
    }

    static void applies(Library library, String document, String patch, String seen) throws Exception {
        Object result;
        try {
            result = library.apply.of(json(document), json(patch));
        } catch (Exception error) {
            result = "refused";
        }
        expect(library.name + ", " + document + " and " + patch, result, seen);
    }

    public static void main(String[] arguments) throws Exception {
        String escaped = "[{'op':'add','path':'/b~01','value':2}]";
        String number = "[{'op':'test','path':'/a','value':1.0}]";

        turns(JSON_PATCH, "[[10,20]]", "[[],10,30]", "[[],20,30]");
        turns(JSON_PATCH, "{'b~1':1}", "{'b~1':2}", "{'b~1':2}");
        applies(JSON_PATCH, "{'b~1':1}", escaped, "{'b~1':2}");
        applies(JSON_PATCH, "{'a':1}", number, "{'a':1}");
        for (Library library : ZJSONPATCH) {
            turns(library, "[[10,20]]", "[[],10,30]", "[[],10,30]");
            turns(library, "{'b~1':1}", "{}", "{'b~1':1}");
            applies(library, "{'b~1':1}", escaped, "{'b~1':1,'b/':2}");
            applies(library, "{'a':1}", number, "refused");
        }
    }
}
JAVA
java -cp 'lib/*' Finding.java
