#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# com.github.docker-java:docker-java-core 3.6.0 (Maven), a client of the Docker Engine; Testcontainers is built on it.
#
# Bind.parse() reads "/run/netns:/run/netns:ro,rslave", and what toString() says is sent. Expected: the same text, or an error. Seen: rshared,
# rslave and rprivate are lost without an error, though PropagationMode has all six; shared, slave and private are kept. The container gets
# the engine's rprivate, and never sees what is mounted below the folder later, such as the network namespace of a new network function
# or the volume of a pod; after a restart of the container all is there.
# Give the mode as a PropagationMode.
#
# Needs Java 17 and Maven. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cat >pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>0</version>
  <dependencies>
    <dependency>
      <groupId>com.github.docker-java</groupId>
      <artifactId>docker-java-core</artifactId>
      <version>3.6.0</version>
    </dependency>
  </dependencies>
</project>
POM
mvn --quiet --batch-mode -Dmaven.repo.local="$scratch/repository" dependency:copy-dependencies -DoutputDirectory=lib >/dev/null
cat >Finding.java <<'JAVA'
import com.github.dockerjava.api.model.AccessMode;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.PropagationMode;
import com.github.dockerjava.api.model.SELContext;
import com.github.dockerjava.api.model.Volume;

public class Finding {
    static final String FOLDER = "/run/netns";
    static final String PLAIN = FOLDER + ":" + FOLDER + ":ro";

    static void expect(String what, Object seen, String expected) {
        System.out.println(what + ": " + seen);
        if (!seen.toString().equals(expected)) {
            throw new AssertionError("it was " + expected);
        }
    }

    public static void main(String[] arguments) {
        for (String mode : new String[] {"shared", "slave", "private"}) {
            String text = PLAIN + "," + mode;
            expect(text, Bind.parse(text), text);
            expect(PLAIN + ",r" + mode, Bind.parse(PLAIN + ",r" + mode), PLAIN);
        }
        Bind bind = new Bind(FOLDER, new Volume(FOLDER), AccessMode.ro, SELContext.none, null, PropagationMode.RSLAVE);
        expect("as a PropagationMode", bind, PLAIN + ",rslave");
    }
}
JAVA
java -cp 'lib/*' Finding.java
