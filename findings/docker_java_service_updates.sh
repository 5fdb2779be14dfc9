#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# com.github.docker-java:docker-java-core 3.6.0 (Maven), a client of the Docker Engine.
#
# updateServiceCmd() takes a whole service, so that a program inspects it, changes a field and sends it. Expected: all else stays, or the client
# refuses what it does not know. Seen, without an error: sysctls, capabilities, ulimits, the limit of processes, generic resources (devices),
# preferences of the placement, no-new-privileges and the options of a network are gone after an update that only wanted another
# image, and a job has no mode any more. The client is set to ignore fields that it does not know.
#
# The manager of the swarm is a stand-in of some lines that shows one service and keeps what is posted.
# Needs Java 17 and Maven. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
dependency() { printf '<dependency><groupId>com.github.docker-java</groupId><artifactId>%s</artifactId><version>3.6.0</version></dependency>' "$1"; }
cat >pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>finding</artifactId>
  <version>0</version>
  <dependencies>
    $(dependency docker-java-core)
    $(dependency docker-java-transport-zerodep)
  </dependencies>
</project>
POM
mvn --quiet --batch-mode -Dmaven.repo.local="$scratch/repository" dependency:copy-dependencies -DoutputDirectory=lib >/dev/null
cat >service.json <<'JSON'
{
  "ID": "7",
  "Version": {"Index": 1},
  "Spec": {
    "Name": "upf",
    "TaskTemplate": {
      "ContainerSpec": {
        "Image": "upf:1",
        "Init": true,
        "Sysctls": {"net.ipv4.ip_forward": "1"},
        "CapabilityAdd": ["NET_ADMIN"],
        "Ulimits": [{"Name": "memlock", "Soft": -1, "Hard": -1}],
        "Privileges": {"NoNewPrivileges": true}
      },
      "Resources": {
        "Limits": {"MemoryBytes": 1073741824, "Pids": 100},
        "Reservations": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "nic", "Value": 1}}]}
      },
      "Placement": {"Constraints": ["node.labels.n3==yes"], "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}]},
      "Networks": [{"Target": "n4", "DriverOpts": {"com.docker.network.endpoint.ifname": "n4"}}]
    },
    "Mode": {"ReplicatedJob": {"MaxConcurrent": 1}}
  }
}
JSON
cat >Finding.java <<'JAVA'
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.model.Service;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;

public class Finding {
    static void serve(HttpExchange exchange) throws IOException {
        byte[] posted = exchange.getRequestBody().readAllBytes();
        boolean update = exchange.getRequestURI().getPath().endsWith("/update");
        if (update) {
            Files.write(Path.of("posted.json"), posted);
        }
        byte[] answer = update ? "{}".getBytes() : Files.readAllBytes(Path.of("service.json"));
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, answer.length);
        exchange.getResponseBody().write(answer);
        exchange.close();
    }

    static void expect(String what, String seen, String expected) {
        System.out.println(what + ": " + seen);
        if (!seen.equals(expected)) {
            throw new AssertionError("it was " + expected);
        }
    }

    /** Says which fields that have a value in the first document have none in the second. */
    static String lost(String path, JsonNode before, JsonNode after) {
        if (after.isMissingNode() || after.isNull()) {
            return path + " ";
        }
        StringBuilder names = new StringBuilder();
        before.fieldNames().forEachRemaining(
            name -> names.append(lost(path + "/" + name, before.get(name), after.path(name))));
        for (int place = 0; before.isArray() && place < before.size(); place++) {
            names.append(lost(path + "/" + place, before.get(place), after.path(place)));
        }
        return names.toString();
    }

    public static void main(String[] arguments) throws Exception {
        HttpServer manager = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        manager.createContext("/", Finding::serve);
        manager.start();
        URI address = URI.create("tcp://127.0.0.1:" + manager.getAddress().getPort());
        DockerClient client = DockerClientImpl.getInstance(
            DefaultDockerClientConfig.createDefaultConfigBuilder().withDockerHost(address.toString()).build(),
            new ZerodepDockerHttpClient.Builder().dockerHost(address).build());
        Service service = client.inspectServiceCmd("upf").exec();
        service.getSpec().getTaskTemplate().getContainerSpec().withImage("upf:2");
        client.updateServiceCmd("upf", service.getSpec()).withVersion(service.getVersion().getIndex()).exec();
        client.close();
        manager.stop(0);

        JsonNode before = new ObjectMapper().readTree(new File("service.json")).get("Spec");
        JsonNode after = new ObjectMapper().readTree(new File("posted.json"));
        expect("image", after.at("/TaskTemplate/ContainerSpec/Image").asText(), "upf:2");
        expect("lost", lost("", before, after).trim().replace("/TaskTemplate", ""),
            "/ContainerSpec/Sysctls /ContainerSpec/CapabilityAdd /ContainerSpec/Ulimits /ContainerSpec/Privileges/NoNewPrivileges"
                + " /Resources/Limits/Pids /Resources/Reservations/GenericResources /Placement/Preferences"
                + " /Networks/0/DriverOpts /Mode/ReplicatedJob");
    }
}
JAVA
java -cp 'lib/*' Finding.java 2>messages || { cat messages; exit 1; }
