package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
)

// requests are those whose input deploy/ecs holds, by the name of the file.
var requests = map[string]string{
	"register-task-definition": "RegisterTaskDefinitionRequest",
	"create-service":           "CreateServiceRequest",
}

// A shape is a type of the service's own description of its API.
type shape struct {
	Type     string
	Members  map[string]struct{ Shape string }
	Required []string
	Member   struct{ Shape string }
	Key      struct{ Shape string }
	Value    struct{ Shape string }
	Enum     []string
	Min, Max *float64
	Pattern  string
}

// ecs reads the description of the API of ECS that AWS's own clients check their
// input with (botocore, data/ecs/2014-11-13/service-2.json.gz).
func ecs(zipped []byte) (map[string]schema, error) {
	text, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, fmt.Errorf("unzip the description of the API: %w", err)
	}
	var document struct{ Shapes map[string]shape }
	if err := json.NewDecoder(text).Decode(&document); err != nil {
		return nil, fmt.Errorf("read the description of the API: %w", err)
	}
	find := func(name string) (schema, error) {
		s, ok := document.Shapes[name]
		if !ok {
			return nil, fmt.Errorf("the description of the API defines no %s", name)
		}
		return s.schema()
	}
	all := map[string]schema{}
	for file, name := range requests {
		s, err := whole(name, find)
		if err != nil {
			return nil, err
		}
		all[file] = s
	}
	return all, nil
}

func (s shape) schema() (schema, error) {
	refer := func(name string) schema { return schema{"$ref": definitions + name} }
	limit := func(out schema, least, most string) schema {
		if s.Min != nil {
			out[least] = *s.Min
		}
		if s.Max != nil {
			out[most] = *s.Max
		}
		return out
	}
	switch s.Type {
	case "structure":
		members := map[string]any{}
		for name, m := range s.Members {
			members[name] = refer(m.Shape)
		}
		out := schema{"type": "object", "additionalProperties": false, "properties": members}
		if len(s.Required) > 0 {
			out["required"] = s.Required
		}
		return out, nil
	case "list":
		return limit(schema{"type": "array", "items": refer(s.Member.Shape)}, "minItems", "maxItems"), nil
	case "map":
		return schema{"type": "object", "propertyNames": refer(s.Key.Shape), "additionalProperties": refer(s.Value.Shape)}, nil
	case "string":
		out := limit(schema{"type": "string"}, "minLength", "maxLength")
		if len(s.Enum) > 0 {
			out["enum"] = s.Enum
		}
		return out, nil
	case "integer", "long":
		return limit(schema{"type": "integer"}, "minimum", "maximum"), nil
	case "float", "double":
		return limit(schema{"type": "number"}, "minimum", "maximum"), nil
	case "boolean":
		return schema{"type": "boolean"}, nil
	case "timestamp":
		return schema{"type": []any{"string", "number"}}, nil
	}
	return nil, fmt.Errorf("a shape has the type %s, which no schema is known for", s.Type)
}
