package deploytest_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metric finds names of metrics of Tailrace.
var metric = regexp.MustCompile(`\btailrace_[a-z_]+\b`)

// documented returns the names of docs/metrics.md, of all of it or of the section
// with a heading. Tests in package status hold them against what is really there.
func documented(t *testing.T, heading string) []string {
	t.Helper()
	text := read(t, "docs/metrics.md")
	if heading != "" {
		_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
		if !ok {
			t.Fatalf("docs/metrics.md has no section %s", heading)
		}
		text, _, _ = strings.Cut(rest, "\n## ")
	}
	var names []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(tailrace_[a-z_]+)`").FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		t.Fatal("docs/metrics.md names no metric")
	}
	return names
}

func TestAlertsAreOnMetricsThatExist(t *testing.T) {
	for file, heading := range map[string]string{"deploy/prometheus/alerts.yaml": "Names", "deploy/ecs/monitoring.yaml": "CloudWatch"} {
		names, found := documented(t, heading), metric.FindAllString(read(t, file), -1)
		if len(found) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, name := range found {
			if !slices.Contains(names, name) {
				t.Errorf("%s has %s, which docs/metrics.md does not list under %s", file, name, heading)
			}
		}
	}
}

// alarm finds the parts of an alarm on one metric.
var alarm = regexp.MustCompile(`(?m)^ +MetricName: (\S+)\n +Dimensions: (.*)\n(?: +Statistic: (\S+)\n)?`)

func TestAlarmsAskForWhatALineHas(t *testing.T) {
	text := read(t, "deploy/ecs/monitoring.yaml")
	alarms := alarm.FindAllStringSubmatch(text, -1)
	if got, want := len(alarms), strings.Count(text, "MetricName:"); got != want || got == 0 {
		t.Fatalf("alarms that are understood: got %d, want all %d", got, want)
	}
	if got := strings.Count(text, "Namespace: Tailrace\n"); got != len(alarms) {
		t.Errorf("in the namespace Tailrace: got %d alarms, want all %d", got, len(alarms))
	}
	// What is counted anew in each line.
	section := read(t, "docs/metrics.md")
	for _, a := range alarms {
		name, dimensions, statistic := a[1], a[2], a[3]
		if want := "[{Name: pipeline, Value: !Ref Pipeline}]"; dimensions != want {
			t.Errorf("%s: got dimensions %s, want %s, as a line has them", name, dimensions, want)
		}
		added := regexp.MustCompile("(?m)^\\| `" + name + "` \\| Count \\|").MatchString(section)
		if added != (statistic == "Sum") {
			t.Errorf("%s: got statistic %q; what is counted anew in each line is summed up, and nothing else is", name, statistic)
		}
	}
}

func TestTasksNeedNoAgentForTheirAlarms(t *testing.T) {
	for name, m := range manifests(t) {
		if !strings.HasPrefix(name, "ecs/") {
			continue
		}
		var task struct {
			ContainerDefinitions []struct {
				LogConfiguration struct {
					LogDriver string
					Options   map[string]string
				}
			}
		}
		if err := json.Unmarshal([]byte(read(t, "deploy/"+name)), &task); err != nil {
			t.Fatal(err)
		}
		if n := len(task.ContainerDefinitions); n != 1 {
			t.Errorf("%s: got %d containers, want Tailrace alone", name, n)
		}
		if log := task.ContainerDefinitions[0].LogConfiguration; log.LogDriver != "awslogs" || log.Options["awslogs-multiline-pattern"] != "" || log.Options["awslogs-datetime-format"] != "" {
			t.Errorf("%s: got %+v, want awslogs, each line as it is", name, log)
		}
		cfg := m.load(t)
		if !cfg.Admin.EMF {
			t.Errorf("%s: admin.emf is off, so there is nothing for the alarms", name)
		}
		group := "/ecs/tailrace-" + cfg.Name
		if got := task.ContainerDefinitions[0].LogConfiguration.Options["awslogs-group"]; got != group {
			t.Errorf("%s: got log group %s, want %s, which monitoring.yaml makes", name, got, group)
		}
	}
}
