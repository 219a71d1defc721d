// Package config reads the configuration of a pipeline: flags, environment and
// a YAML file, in this order of precedence, over defaults.
//
// It is strict. Unknown and duplicate keys, wrong types, variables that are not
// set and values out of rule are refused before any connection is made, all of
// them at once, each with its place in the file. One table, Settings, lists
// everything that can be set; flags, help and docs/configuration.md come from it.
package config
