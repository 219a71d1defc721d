package arch_test

import (
	"path"
	"slices"
	"strings"
)

// layers are the top folders from the bottom up. A package may import what lies
// in a lower layer and the package that its own folder is in; those of one layer
// do not know each other.
var layers = [][]string{
	{"schema"},
	{"event"},
	{"checkpoint"},
	{"capture", "transform", "encode", "publish"},
	{"snapshot"},
	{"pipeline", "config"},
	{"status"},
	{"cmd"},
}

// internals says which top folders may import a package of internal/, beside
// packages of internal/ itself. What is missing here may be imported by cmd and
// by tests only.
var internals = map[string][]string{
	"failure":  {"schema", "event", "checkpoint", "capture", "transform", "encode", "snapshot", "publish", "pipeline", "config", "status"},
	"quote":    {"schema", "event", "checkpoint", "capture", "transform", "encode", "snapshot", "publish", "pipeline", "config", "status"},
	"murmur2":  {"pipeline", "publish"},
	"glob":     {"capture", "snapshot"},
	"flock":    {"checkpoint", "publish"},
	"writable": {"checkpoint", "publish"},
	"broker":   {"checkpoint", "publish", "config"},
	"redact":   {"config", "pipeline", "status", "publish", "capture"},
}

// testOnly are the packages of internal/ that no product code may import, not
// even cmd.
var testOnly = []string{"servers", "eventually", "child", "fault", "arch"}

// pure are the top folders without an outside world: what they answer depends on
// what they are given and on nothing else.
var pure = []string{"schema", "event", "transform", "encode"}

// bytesOnly are the top folders that know places in the log, but no rows.
var bytesOnly = []string{"checkpoint", "publish"}

// position are the names of package event that say where a row is, and nothing
// about what is in it.
var position = []string{"Position", "Ver", "ParseVer", "VerLen"}

// isSuite reports whether a folder holds a behaviour suite, such as
// publish/publishtest, which is a test in all but its file name.
func isSuite(folder string) bool {
	return strings.Contains(folder, "/") && strings.HasSuffix(path.Base(folder), "test")
}

// forbidden returns why a package in folder may not import the package in other,
// both from the root of the repository, or "".
func forbidden(folder, other string) string {
	from, to := top(folder), top(other)
	switch {
	case isSuite(folder):
		return ""
	case isSuite(other):
		return "only tests may import a behaviour suite"
	case from == "internal":
		return forbiddenInInternal(folder, other)
	case to == "internal":
		return forbiddenInternal(from, other)
	case from == to:
		if from == "cmd" || folder == other || strings.HasPrefix(folder, other+"/") || implementation(folder) == implementation(other) {
			return ""
		}
		return "it may import the folder it is in and the parts of its own implementation, but not another implementation"
	}
	low, high := layer(to), layer(from)
	switch {
	case low < 0:
		return "folder " + to + " has no layer: give it one in this test"
	case high < 0:
		return "folder " + from + " has no layer: give it one in this test"
	case low >= high:
		return "imports point one way, and " + to + " is not below " + from
	}
	return ""
}

// forbiddenInternal is forbidden for a package of internal/ that product code
// imports.
func forbiddenInternal(from, other string) string {
	name := strings.Split(other, "/")[1]
	switch {
	case slices.Contains(testOnly, name):
		return "only tests may import it"
	case from == "cmd", slices.Contains(internals[name], from):
		return ""
	}
	return from + " is not among those who may"
}

// forbiddenInInternal is forbidden for what a package of internal/ imports. What
// product code can import must not lead back up to product code.
func forbiddenInInternal(folder, other string) string {
	name := strings.Split(folder, "/")[1]
	if _, low := internals[name]; low && top(other) != "internal" {
		return "internal/" + name + " is imported from below, so it knows nothing above"
	}
	return ""
}

func top(folder string) string {
	first, _, _ := strings.Cut(folder, "/")
	return first
}

// implementation is the folder of one source, sink or store, whose packages are
// parts of one thing: capture/mysql of capture/mysql/binlog.
func implementation(folder string) string {
	parts := strings.SplitN(folder, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func layer(folder string) int {
	return slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, folder) })
}
