package deploytest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A policy is one of IAM.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid, Effect      string
	Action, Resource []string
}

// kinesisRole reads the policy of a task that publishes to Kinesis.
func kinesisRole(t *testing.T) policy {
	t.Helper()
	var p policy
	in := json.NewDecoder(strings.NewReader(read(t, "deploy/ecs/task-role-kinesis.json")))
	in.DisallowUnknownFields()
	if err := in.Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

// calls returns the operations of Kinesis that publish/kinesis asks for.
func calls(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "publish/kinesis/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bclient\.([A-Z]\w+)\(ctx,`).FindAllStringSubmatch(string(text), -1) {
			found = append(found, "kinesis:"+m[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestTheRoleForKinesisMayDoWhatTailraceDoesAndNothingElse(t *testing.T) {
	var got []string
	for _, s := range kinesisRole(t).Statement {
		if s.Effect != "Allow" {
			t.Errorf("%s: got %s, want Allow", s.Sid, s.Effect)
		}
		for _, r := range s.Resource {
			if strings.Contains(r, "*") {
				t.Errorf("%s: it holds for %s, want one resource", s.Sid, r)
			}
		}
		for _, a := range s.Action {
			if strings.HasPrefix(a, "kinesis:") {
				got = append(got, a)
			} else if !slices.Contains([]string{"kms:GenerateDataKey", "elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"}, a) {
				t.Errorf("%s: it allows %s, which Tailrace does not need", s.Sid, a)
			}
		}
	}
	slices.Sort(got)
	if want := calls(t); !slices.Equal(got, want) {
		t.Errorf("operations of Kinesis: got %q, want those that are called, %q", got, want)
	}
}

func TestTheRoleForKinesisIsForTheConfiguredStream(t *testing.T) {
	for _, name := range []string{"ecs/task-definition-kinesis.json", "helm, into Kinesis"} {
		k := manifests(t)[name].load(t).Publish.Kinesis
		want := "arn:aws:kinesis:" + k.Region + ":123456789012:stream/" + k.Stream
		if got := kinesisRole(t).Statement[0].Resource; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: the policy is for %q, want %q", name, got, want)
		}
	}
}

func TestTheRoleForKinesisMayUseTheVolumeOfTheCheckpoint(t *testing.T) {
	var task struct {
		Volumes []struct {
			EFSVolumeConfiguration struct{ FileSystemID string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/ecs/task-definition-kinesis.json")), &task); err != nil {
		t.Fatal(err)
	}
	var got string
	for _, v := range task.Volumes {
		got += v.EFSVolumeConfiguration.FileSystemID
	}
	all := kinesisRole(t).Statement
	if r := all[len(all)-1].Resource[0]; got == "" || !strings.HasSuffix(r, "/"+got) {
		t.Errorf("the task mounts %q, and its role may mount %s", got, r)
	}
}
