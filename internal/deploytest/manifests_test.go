package deploytest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tailrace/tailrace/config"
)

// A manifest is one way to run Tailrace, as far as its parts have to agree.
type manifest struct {
	config   string // the text of tailrace.yaml
	env      []string
	args     []string      // of the program
	grace    time.Duration // from SIGTERM to SIGKILL
	memory   int64         // limit in bytes
	writable []string      // folders
	probes   []string      // where the pages of admin.listen are asked for
	tmpdir   bool          // TMPDIR, the default of limits.spill_dir, is one of writable
}

func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	return map[string]manifest{
		"kubernetes/tailrace.yaml":         kubernetes(t, "deploy/kubernetes/tailrace.yaml"),
		"kubernetes/tailrace-pvc.yaml":     kubernetes(t, "deploy/kubernetes/tailrace-pvc.yaml"),
		"helm, into Kafka":                 kubernetes(t, "internal/deploytest/testdata/chart-podMonitor.yaml"),
		"helm, with a volume":              kubernetes(t, "internal/deploytest/testdata/chart-persistence.yaml"),
		"helm, into Kinesis":               kubernetes(t, "internal/deploytest/testdata/chart-kinesis.yaml"),
		"ecs/task-definition.json":         fargate(t, "deploy/ecs/task-definition.json", "deploy/ecs/tailrace.yaml"),
		"ecs/task-definition-efs.json":     fargate(t, "deploy/ecs/task-definition-efs.json", "deploy/ecs/tailrace.yaml"),
		"ecs/task-definition-kinesis.json": fargate(t, "deploy/ecs/task-definition-kinesis.json", "deploy/ecs/tailrace-kinesis.yaml"),
		"systemd/tailrace.service":         service(t),
	}
}

// load reads a manifest's configuration as the program would.
func (m manifest) load(t *testing.T) config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tailrace.yaml")
	secret := filepath.Join(t.TempDir(), "secret")
	for _, file := range []string{path, secret} {
		// The files of secrets are those of the container.
		text := regexp.MustCompile(`\$\{file:[^}]*\}`).ReplaceAllString(m.config, "${file:"+secret+"}")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{}
	for _, e := range m.env {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	cfg, err := config.Load(path, lookup, nil)
	if err != nil {
		t.Fatalf("the configuration: %v", err)
	}
	return cfg
}

func TestManifestsAgreeWithTheProgram(t *testing.T) {
	for name, m := range manifests(t) {
		t.Run(name, func(t *testing.T) {
			cfg := m.load(t)
			if least := cfg.Limits.Drain + 10*time.Second; m.grace < least {
				t.Errorf("it is killed after %v, want at least %v, as it may flush for %v", m.grace, least, cfg.Limits.Drain)
			}
			// As limitHeap in cmd/tailrace, and 128 MiB for what the kernel counts beside.
			if least := int64(cfg.Limits.Memory)/4*5 + 192<<20; m.memory < least {
				t.Errorf("it has %d bytes of memory, want at least %d for limits.memory %v", m.memory, least, cfg.Limits.Memory)
			}
			if place := cfg.Checkpoint.Path; !cfg.Publish.Kafka.ExactlyOnce && !inside(place, m.writable) {
				t.Errorf("the checkpoint %s is in none of the folders that can be written, %q", place, m.writable)
			}
			if place := cfg.Limits.SpillDir; !m.tmpdir && !slices.Contains(m.writable, place) {
				t.Errorf("limits.spill_dir %q is none of the folders that can be written, %q", place, m.writable)
			}
			for _, address := range m.probes {
				if address != cfg.Admin.Listen {
					t.Errorf("%s is asked, admin.listen is %s", address, cfg.Admin.Listen)
				}
			}
			if cfg.Source.Snapshot == config.SnapshotNever && !slices.Contains(m.args, "--from") {
				t.Errorf("arguments: got %q, want --from for the first start", m.args)
			}
		})
	}
}

func inside(path string, folders []string) bool {
	return slices.Contains(folders, filepath.Dir(path))
}

// deployment is as much of Kubernetes' objects as has to agree.
type deployment struct {
	Kind string
	Data map[string]string
	Spec struct {
		Replicas int
		Strategy struct{ Type string }
		Template struct {
			Spec struct {
				TerminationGracePeriodSeconds int      `yaml:"terminationGracePeriodSeconds"`
				EnableServiceLinks            *bool    `yaml:"enableServiceLinks"`
				SecurityContext               security `yaml:"securityContext"`
				Containers                    []struct {
					Args      []string
					Env       []struct{ Name string }
					Resources struct{ Limits map[string]string }
					Ports     []struct {
						ContainerPort int `yaml:"containerPort"`
					}
					LivenessProbe  probe    `yaml:"livenessProbe"`
					ReadinessProbe probe    `yaml:"readinessProbe"`
					Security       security `yaml:"securityContext"`
					VolumeMounts   []struct {
						MountPath string `yaml:"mountPath"`
						ReadOnly  bool   `yaml:"readOnly"`
					} `yaml:"volumeMounts"`
				}
			}
		}
	}
}

type probe struct {
	HTTPGet struct{ Path string } `yaml:"httpGet"`
}

type security struct {
	RunAsNonRoot             bool  `yaml:"runAsNonRoot"`
	RunAsUser                int   `yaml:"runAsUser"`
	ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
	AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
	Capabilities             struct{ Drop []string }
	SeccompProfile           struct{ Type string } `yaml:"seccompProfile"`
}

// kubernetes reads what kubectl is given, and fails on a pod that can do more than it
// has to.
func kubernetes(t *testing.T, path string) manifest {
	t.Helper()
	var m manifest
	documents := yaml.NewDecoder(strings.NewReader(read(t, path)))
	for {
		var d deployment
		err := documents.Decode(&d)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch d.Kind {
		case "ConfigMap":
			m.config = d.Data["tailrace.yaml"]
		case "Deployment":
			if d.Spec.Replicas != 1 || d.Spec.Strategy.Type != "Recreate" {
				t.Errorf("got %d replicas and %s, want one at a time", d.Spec.Replicas, d.Spec.Strategy.Type)
			}
			pod := d.Spec.Template.Spec
			c := pod.Containers[0]
			if s := pod.SecurityContext; !s.RunAsNonRoot || s.RunAsUser != uid || s.SeccompProfile.Type != "RuntimeDefault" {
				t.Errorf("security of the pod: got %+v, want the image's user and RuntimeDefault", s)
			}
			if s := c.Security; !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
				t.Errorf("security of the container: got %+v, want a read-only root and no rights", s)
			}
			if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
				t.Error("enableServiceLinks is on: a Service called tailrace would set variables of Tailrace's names")
			}
			if c.LivenessProbe.HTTPGet.Path != "/livez" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
				t.Errorf("probes: got %+v and %+v, want /livez and /readyz", c.LivenessProbe, c.ReadinessProbe)
			}
			m.args = c.Args
			m.grace = time.Duration(pod.TerminationGracePeriodSeconds) * time.Second
			m.memory = quantity(t, c.Resources.Limits["memory"])
			for _, e := range c.Env {
				m.env = append(m.env, e.Name+"=secret")
			}
			for _, v := range c.VolumeMounts {
				if !v.ReadOnly {
					m.writable = append(m.writable, v.MountPath)
				}
			}
			m.probes = append(m.probes, fmt.Sprintf(":%d", c.Ports[0].ContainerPort))
		}
	}
	return m
}

// quantity reads those of Kubernetes and systemd that the manifests use.
func quantity(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimRight(text, "Mi"), 10, 64)
	if err != nil {
		t.Fatalf("a quantity in MiB: %v", err)
	}
	return n << 20
}

// fargate reads a task definition, and the configuration that goes into its image.
func fargate(t *testing.T, path, configuration string) manifest {
	t.Helper()
	var task struct {
		ContainerDefinitions []struct {
			Name                   string
			Command                []string
			Memory                 int64
			User                   string
			ReadonlyRootFilesystem bool
			StopTimeout            int
			LinuxParameters        struct{ Capabilities struct{ Drop []string } }
			HealthCheck            struct{ Command []string }
			Secrets                []struct{ Name, ValueFrom string }
			Environment            []struct{ Name, Value string }
			MountPoints            []struct{ ContainerPath string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, path)), &task); err != nil {
		t.Fatal(err)
	}
	c := task.ContainerDefinitions[0]
	if got, want := c.User, lastStage(t).user; got != want {
		t.Errorf("user: got %q, want the image's, %q", got, want)
	}
	if !c.ReadonlyRootFilesystem || !slices.Equal(c.LinuxParameters.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("got readonlyRootFilesystem %v and %+v, want a read-only root and no capabilities", c.ReadonlyRootFilesystem, c.LinuxParameters)
	}
	m := manifest{config: read(t, configuration), args: c.Command, memory: c.Memory << 20, grace: time.Duration(c.StopTimeout) * time.Second}
	// There is no shell, so it is the program itself.
	check := c.HealthCheck.Command
	if len(check) < 3 || check[0] != "CMD" || check[1] != program || !slices.Contains(check, "--live") {
		t.Errorf("health check: got %q, want CMD, the program and --live: a task that waits for a broker must not be replaced", check)
	}
	m.probes = append(m.probes, check[len(check)-1])
	for _, s := range c.Secrets {
		m.env = append(m.env, s.Name+"=secret")
		if !strings.HasPrefix(s.ValueFrom, "arn:aws:secretsmanager:") {
			t.Errorf("secret %s: got %q, want a reference to Secrets Manager", s.Name, s.ValueFrom)
		}
	}
	for _, e := range c.Environment {
		m.env = append(m.env, e.Name+"="+e.Value)
	}
	for _, p := range c.MountPoints {
		m.writable = append(m.writable, p.ContainerPath)
	}
	return m
}

// service reads the systemd unit. Its configuration is that of README.md there.
func service(t *testing.T) manifest {
	t.Helper()
	fields := map[string]string{}
	for line := range strings.Lines(read(t, "deploy/systemd/tailrace.service")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			fields[name] = value
		}
	}
	grace, err := time.ParseDuration(fields["TimeoutStopSec"])
	if err != nil {
		t.Fatal(err)
	}
	state, spills := "/var/lib/"+fields["StateDirectory"], "/var/cache/"+fields["CacheDirectory"]
	return manifest{
		config:   read(t, "deploy/systemd/tailrace.yaml"),
		env:      []string{"DB_PASSWORD=secret"},
		args:     strings.Fields(fields["ExecStart"]),
		grace:    grace,
		memory:   quantity(t, fields["MemoryMax"]),
		writable: []string{state, spills},
		tmpdir:   fields["Environment"] == "TMPDIR="+spills,
	}
}
