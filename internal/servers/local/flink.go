package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Flink is a cluster that belongs to this program: a job manager, a task
// manager and an SQL gateway, each a process with a bounded heap. It goes away at
// Close or when the program ends in whatever way. Its methods may be called from
// any goroutine, one at a time.
type Flink struct {
	Version string // "2.2.1"
	Gateway string // URL of the SQL gateway

	cache   string      // Flink's folder there
	manager string      // URL of the job manager
	running []*instance // in the order of their starts
}

// StartFlink starts a cluster. It takes about 20 seconds, and once per machine as
// long as a download of 250 MB. The context bounds only the start.
func StartFlink(ctx context.Context) (*Flink, error) {
	cache, err := installedFlink(ctx)
	if err != nil {
		return nil, err
	}
	f := &Flink{Version: flinkVersion, cache: cache}
	if err := f.start(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Flink) start(ctx context.Context) error {
	var ports [3]int
	for i := range ports {
		port, err := freePort()
		if err != nil {
			return err
		}
		ports[i] = port
	}
	f.manager = fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	f.Gateway = fmt.Sprintf("http://127.0.0.1:%d", ports[2])
	const classes = "org.apache.flink."
	if err := f.process(ctx, ports, "512m", classes+"runtime.entrypoint.StandaloneSessionClusterEntrypoint", f.managed); err != nil {
		return err
	}
	if err := f.process(ctx, ports, "384m", classes+"runtime.taskexecutor.TaskManagerRunner", f.hasSlots); err != nil {
		return err
	}
	return f.process(ctx, ports, "512m", classes+"table.gateway.SqlGateway", func(ctx context.Context, _ string) error {
		_, err := get(ctx, f.Gateway+"/info")
		return err
	})
}

// process starts one of the three. greet, which is told its folder, returns nil
// once it works.
func (f *Flink) process(ctx context.Context, ports [3]int, heap, class string, greet func(ctx context.Context, dir string) error) error {
	name := "Flink's " + class[strings.LastIndexByte(class, '.')+1:]
	i, err := newInstance(name, "flink")
	if err != nil {
		return err
	}
	f.running = append(f.running, i)
	conf := filepath.Join(i.dir, "conf")
	// Of the server's user, not of this program's.
	if err := os.Chmod(i.dir, 0o755); err != nil {
		return fmt.Errorf("open the folder of %s: %w", name, err)
	}
	if err := os.Mkdir(conf, 0o755); err != nil {
		return fmt.Errorf("make the settings of %s: %w", name, err)
	}
	if err := writeFiles(conf, map[string][]byte{"config.yaml": flinkSettings(i.dir, ports)}); err != nil {
		return err
	}
	i.command = f.java(i.dir, conf, heap, class)
	i.greet = func(ctx context.Context) error { return greet(ctx, i.dir) }
	return i.Start(ctx)
}

// flinkSettings are those of all three. A task manager wants the sizes of its
// memory spelled out where no script of Flink's computes them.
func flinkSettings(dir string, ports [3]int) []byte {
	return fmt.Appendf(nil, `
jobmanager.rpc.address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
jobmanager.rpc.port: %d
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: %d
sql-gateway.endpoint.rest.address: 127.0.0.1
sql-gateway.endpoint.rest.bind-address: 127.0.0.1
sql-gateway.endpoint.rest.port: %d
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: 4
taskmanager.cpu.cores: 2
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 192m
taskmanager.memory.jvm-overhead.max: 192m
taskmanager.memory.task.heap.size: 256m
taskmanager.memory.task.off-heap.size: 0
taskmanager.memory.managed.size: 64m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
io.tmp.dirs: %s
web.tmpdir: %[4]s
parallelism.default: 2
restart-strategy.type: none
`, ports[0], ports[1], ports[2], dir)
}

// java returns the command that runs one of Flink's classes. Its libraries reach
// into packages that Java 17 keeps closed.
func (f *Flink) java(dir, conf, heap, class string) []string {
	command := []string{
		"env", "FLINK_CONF_DIR=" + conf, "java", "-Xmx" + heap,
		"-XX:MaxMetaspaceSize=256m", "-XX:MaxDirectMemorySize=256m",
		"-XX:+UseSerialGC", "-XX:-UsePerfData",
		"-Djava.io.tmpdir=" + dir + "/", // the slash lets the guard know the process
		"-Dlog4j2.configurationFile=" + filepath.Join(f.cache, flinkLogConfig),
	}
	for _, opened := range strings.Fields("lang net io nio lang.reflect text time util util.concurrent util.concurrent.atomic util.concurrent.locks") {
		command = append(command, "--add-opens=java.base/java."+opened+"=ALL-UNNAMED")
	}
	command = append(command, "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "-cp", filepath.Join(f.cache, flinkJars, "*"), class)
	if strings.HasSuffix(class, "SqlGateway") {
		return command // finds its settings by the environment
	}
	return append(command, "--configDir", conf)
}

// managed asks the job manager who it is: on a port that another was quicker to
// take, that one answers.
func (f *Flink) managed(ctx context.Context, dir string) error {
	body, err := get(ctx, f.manager+"/jobmanager/config")
	if err == nil && !strings.Contains(string(body), dir) {
		err = errors.New("connect: another job manager has the port")
	}
	return err
}

// hasSlots returns nil once a task manager has come to the job manager.
func (f *Flink) hasSlots(ctx context.Context, _ string) error {
	body, err := get(ctx, f.manager+"/overview")
	if err != nil {
		return err
	}
	var overview struct {
		Managers int `json:"taskmanagers"`
	}
	if err := json.Unmarshal(body, &overview); err != nil {
		return fmt.Errorf("read the job manager's answer: %w", err)
	}
	if overview.Managers == 0 {
		return errors.New("the task manager has not come yet")
	}
	return nil
}

// Close ends all processes and removes their folders. It must be called once.
func (f *Flink) Close() error {
	var errs []error
	for _, i := range slices.Backward(f.running) {
		errs = append(errs, i.closeAtOnce())
	}
	return errors.Join(errs...)
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return answer(request)
}

// answer returns the body of a good answer.
func answer(request *http.Request) ([]byte, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask Flink: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("ask Flink: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask Flink: %s: %s", response.Status, body)
	}
	return body, nil
}
