package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// kinds are those that are deployed, by the name that kubeconform asks for.
var kinds = map[string]string{
	"configmap-v1":             "io.k8s.api.core.v1.ConfigMap",
	"persistentvolumeclaim-v1": "io.k8s.api.core.v1.PersistentVolumeClaim",
	"deployment-apps-v1":       "io.k8s.api.apps.v1.Deployment",
	"serviceaccount-v1":        "io.k8s.api.core.v1.ServiceAccount",
}

// kubernetes reads the OpenAPI document of Kubernetes, api/openapi-spec/swagger.json.
func kubernetes(text []byte) (map[string]schema, error) {
	var document struct{ Definitions map[string]map[string]any }
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	find := func(name string) (schema, error) {
		s, ok := document.Definitions[name]
		if !ok {
			return nil, fmt.Errorf("the OpenAPI document defines no %s", name)
		}
		return strict(s), nil
	}
	all := map[string]schema{}
	for file, name := range kinds {
		s, err := whole(name, find)
		if err != nil {
			return nil, err
		}
		all[file] = s
	}
	return all, nil
}

// podMonitor reads the CustomResourceDefinition of that kind of the Prometheus
// operator.
func podMonitor(text []byte) (map[string]schema, error) {
	var document struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read the definition of PodMonitor: %w", err)
	}
	all := map[string]schema{}
	for _, v := range document.Spec.Versions {
		all["podmonitor-monitoring-"+v.Name] = strict(v.Schema.OpenAPIV3Schema)
	}
	return all, nil
}

// strict makes a JSON schema of one of OpenAPI: without the prose, with the two
// types that only Kubernetes knows, and closed, as a field that no schema has is a
// mistake in spelling.
func strict(open map[string]any) schema {
	s := schema{}
	for key, value := range open {
		switch {
		case key == "description" || key == "default" || strings.HasPrefix(key, "x-kubernetes-"):
		case key == "format" && value == "int-or-string":
			s["type"] = []any{"string", "integer"}
		case key == "type":
			if _, ok := s["type"]; !ok {
				s["type"] = value
			}
		case key == "properties":
			closed := map[string]any{}
			for name, property := range value.(map[string]any) {
				closed[name] = strict(property.(map[string]any))
			}
			s["properties"] = closed
			if _, ok := open["additionalProperties"]; !ok {
				s["additionalProperties"] = false
			}
		case key == "items" || key == "additionalProperties":
			if inner, ok := value.(map[string]any); ok {
				value = strict(inner)
			}
			s[key] = value
		default:
			s[key] = value
		}
	}
	return s
}
