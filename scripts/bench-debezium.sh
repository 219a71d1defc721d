#!/bin/bash
# Runs a connector of Debezium in Kafka Connect, for `go run ./internal/bench -debezium`.
#
#   bench-debezium.sh install KAFKA                       brings both by Maven, once; KAFKA is its version
#   bench-debezium.sh run KAFKA WORK BROKER CONNECTOR     runs until it is ended, with what it writes in the
#                                                         folder WORK and the connector's properties CONNECTOR
set -euo pipefail

debezium=3.6.1.Final
maven_plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

command=$1 kafka=$2
if ((EUID == 0)); then
	cache=/var/cache/tailrace
else
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/tailrace
fi
home=$cache/debezium-$debezium-kafka-$kafka

install() {
	[[ ! -d $home ]] || return 0
	mkdir -p "$cache"
	work=$(mktemp -d "$home.work-XXXXXX")
	trap 'rm -rf "$work"' EXIT
	cat >"$work/pom.xml" <<-XML
		<project xmlns="http://maven.apache.org/POM/4.0.0">
		  <modelVersion>4.0.0</modelVersion>
		  <groupId>tailrace</groupId>
		  <artifactId>connect</artifactId>
		  <version>1</version>
		  <dependencies>
		    <dependency><groupId>org.apache.kafka</groupId><artifactId>connect-runtime</artifactId><version>$kafka</version></dependency>
		    <dependency><groupId>org.apache.kafka</groupId><artifactId>connect-json</artifactId><version>$kafka</version></dependency>
		    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
		  </dependencies>
		</project>
	XML
	# A repository of its own, or what nobody needs again would stay in the user's.
	maven=(mvn --quiet --batch-mode "-Dmaven.repo.local=$work/repository")
	"${maven[@]}" --file "$work/pom.xml" "$maven_plugin:copy-dependencies" \
		-DincludeScope=runtime "-DoutputDirectory=$work/whole/jars"
	mkdir "$work/whole/plugins"
	for connector in postgres mysql; do
		"${maven[@]}" "$maven_plugin:copy" -Dmdep.useBaseVersion=true "-DoutputDirectory=$work/archives" \
			"-Dartifact=io.debezium:debezium-connector-$connector:$debezium:tar.gz:plugin"
		tar -xzf "$work/archives/debezium-connector-$connector-$debezium-plugin.tar.gz" -C "$work/whole/plugins"
	done
	cat >"$work/whole/log4j2.xml" <<-XML
		<Configuration status="WARN">
		  <Appenders><Console name="C" target="SYSTEM_ERR"><PatternLayout pattern="%d %-5p %c{1} %m%n"/></Console></Appenders>
		  <Loggers><Root level="info"><AppenderRef ref="C"/></Root></Loggers>
		</Configuration>
	XML
	mv -T "$work/whole" "$home"
}

run() {
	local work=$1 broker=$2 connector=$3
	# The producer is tuned for throughput, and events carry no schema: both are to
	# its advantage.
	cat >"$work/worker.properties" <<-PROPERTIES
		bootstrap.servers=$broker
		key.converter=org.apache.kafka.connect.json.JsonConverter
		value.converter=org.apache.kafka.connect.json.JsonConverter
		key.converter.schemas.enable=false
		value.converter.schemas.enable=false
		offset.storage.file.filename=$work/offsets
		offset.flush.interval.ms=1000
		plugin.path=$home/plugins
		plugin.discovery=service_load
		listeners=http://127.0.0.1:0
		producer.linger.ms=10
		producer.batch.size=1048576
		producer.compression.type=snappy
		producer.buffer.memory=134217728
		producer.max.request.size=10485760
	PROPERTIES
	# Memory and collector as Kafka's own connect-standalone.sh sets them.
	exec java -server -Xms256M -Xmx2G -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
		-XX:+ExplicitGCInvokesConcurrent -XX:-UsePerfData -Djava.io.tmpdir="$work" \
		-Dlog4j2.configurationFile="$home/log4j2.xml" -cp "$home/jars/*" \
		org.apache.kafka.connect.cli.ConnectStandalone "$work/worker.properties" "$connector"
}

case $command in
install) install ;;
run) run "${@:3}" ;;
*)
	echo "bench-debezium.sh: $command is no command" >&2
	exit 1
	;;
esac
