// Schemas writes the JSON schemas that the files below deploy/ are held against,
// from what their makers publish: scripts/schemas.sh runs it.
//
//	schemas kubernetes swagger.json FOLDER
//	schemas podmonitor podmonitors-crd.json FOLDER
//	schemas ecs service-2.json.gz FOLDER
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("got %d arguments, want what to read, its file and a folder", len(args))
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return fmt.Errorf("read the makers' description: %w", err)
	}
	var all map[string]schema
	switch args[0] {
	case "kubernetes":
		all, err = kubernetes(text)
	case "podmonitor":
		all, err = podMonitor(text)
	case "ecs":
		all, err = ecs(text)
	default:
		return fmt.Errorf("no such maker: %s", args[0])
	}
	if err != nil {
		return err
	}
	for name, s := range all {
		text, err := json.MarshalIndent(s, "", " ")
		if err != nil {
			return fmt.Errorf("marshal the schema of %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(args[2], name+".json"), append(text, '\n'), 0o644); err != nil {
			return fmt.Errorf("write the schema of %s: %w", name, err)
		}
	}
	return nil
}

// A schema is a JSON schema, of draft 7.
type schema map[string]any

// whole returns the schema named root with all that it refers to.
func whole(root string, find func(name string) (schema, error)) (schema, error) {
	found := map[string]any{}
	var take func(name string) error
	take = func(name string) error {
		if _, ok := found[name]; ok {
			return nil
		}
		s, err := find(name)
		if err != nil {
			return err
		}
		found[name] = s
		for _, other := range references(map[string]any(s)) {
			if err := take(other); err != nil {
				return err
			}
		}
		return nil
	}
	if err := take(root); err != nil {
		return nil, err
	}
	return schema{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"$ref":        definitions + root,
		"definitions": found,
	}, nil
}

const definitions = "#/definitions/"

// references returns the names that a schema refers to.
func references(v any) []string {
	var names []string
	switch v := v.(type) {
	case schema:
		return references(map[string]any(v))
	case map[string]any:
		for key, value := range v {
			if ref, ok := value.(string); ok && key == "$ref" {
				names = append(names, ref[len(definitions):])
				continue
			}
			names = append(names, references(value)...)
		}
	case []any:
		for _, value := range v {
			names = append(names, references(value)...)
		}
	}
	return names
}
