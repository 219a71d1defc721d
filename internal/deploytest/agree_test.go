package deploytest_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestTheECSFilesAreWhatTheAPITakes(t *testing.T) {
	for file, request := range map[string]string{
		"task-definition.json":         "register-task-definition.json",
		"task-definition-efs.json":     "register-task-definition.json",
		"task-definition-kinesis.json": "register-task-definition.json",
		"service.json":                 "create-service.json",
	} {
		t.Run(file, func(t *testing.T) {
			if err := validate(t, "ecs/schemas/"+request, read(t, "deploy/ecs/"+file)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheSchemasOfECSRefuseWhatTheAPIWould(t *testing.T) {
	task := read(t, "deploy/ecs/task-definition.json")
	for name, change := range map[string][2]string{
		"a name that is misspelled":      {`"readonlyRootFilesystem"`, `"readOnlyRootFilesystem"`},
		"a number that is text":          {`"stopTimeout": 40`, `"stopTimeout": "30"`},
		"a value that does not exist":    {`"networkMode": "awsvpc"`, `"networkMode": "vpc"`},
		"something needed that is not":   {`"family"`, `"taskRole"`},
		"text where a list of text goes": {`"drop": [`, `"drop": "ALL", "add": [`},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := strings.Replace(task, change[0], change[1], 1)
			if wrong == task {
				t.Fatalf("the task definition has no %s", change[0])
			}
			if err := validate(t, "ecs/schemas/register-task-definition.json", wrong); err == nil {
				t.Error("got no error")
			}
		})
	}
}

// make lint holds all manifests against these schemas, with kubeconform.
func TestTheSchemasOfKubernetesRefuseWhatItWould(t *testing.T) {
	var deployment string
	for document := range strings.SplitSeq(read(t, "deploy/kubernetes/tailrace.yaml"), "\n---\n") {
		if strings.HasPrefix(document, "apiVersion: apps/v1\n") {
			deployment = document
		}
	}
	for name, c := range map[string]struct {
		from, to string
		ok       bool
	}{
		"as it is":                       {ok: true},
		"a port that is a number":        {"port: admin", "port: 8085", true},
		"a name that is misspelled":      {"readOnlyRootFilesystem", "readonlyRootFilesystem", false},
		"a number that is text":          {"replicas: 1", "replicas: one", false},
		"something needed that is not":   {"selector:", "selectors:", false},
		"text where a list of text goes": {"drop: [ALL]", "drop: ALL", false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(deployment, c.from, c.to, 1)
			if changed == deployment && c.from != "" {
				t.Fatalf("the deployment has no %s", c.from)
			}
			text, err := yaml.YAMLToJSON([]byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(t, "kubernetes/schemas/deployment-apps-v1.json", string(text)); (err == nil) != c.ok {
				t.Errorf("got %v, want accepted = %v", err, c.ok)
			}
		})
	}
}

// validate holds text against a schema below deploy/.
func validate(t *testing.T, path, text string) error {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(root, "deploy", path))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(document)
}

func TestADeploymentOnECSEndsTheOldTaskFirst(t *testing.T) {
	var service struct {
		DesiredCount            int
		DeploymentConfiguration struct{ MinimumHealthyPercent, MaximumPercent int }
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/ecs/service.json")), &service); err != nil {
		t.Fatal(err)
	}
	if d := service.DeploymentConfiguration; service.DesiredCount != 1 || d.MinimumHealthyPercent != 0 || d.MaximumPercent != 100 {
		t.Errorf("got %+v, want one task, and none beside it while it is replaced", service)
	}
}
