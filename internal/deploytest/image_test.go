package deploytest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the repository's folder.
const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An image is the last stage of the Dockerfile.
type image struct {
	from       string
	copies     [][]string // of COPY: flags, source, destination
	env        []string   // NAME=value
	user       string
	volumes    []string
	entrypoint []string
	cmd        []string
}

// lastStage reads as much of a Dockerfile as ours uses, and fails on more, since a
// line that is not understood could put anything into the image.
func lastStage(t *testing.T) image {
	t.Helper()
	var i image
	list := func(text string) (all []string) {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("a list of the Dockerfile is not JSON: %s: %v", text, err)
		}
		return all
	}
	for line := range strings.Lines(read(t, "Dockerfile")) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		if word == "FROM" {
			i = image{from: rest}
		}
		if i.from != "scratch" || word == "FROM" || line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		switch word {
		case "COPY":
			i.copies = append(i.copies, strings.Fields(rest))
		case "ENV":
			i.env = append(i.env, rest)
		case "USER":
			i.user = rest
		case "VOLUME":
			i.volumes = list(rest)
		case "ENTRYPOINT":
			i.entrypoint = list(rest)
		case "CMD":
			i.cmd = list(rest)
		case "EXPOSE":
		default:
			t.Fatalf("the last stage of the Dockerfile has %s, which this test does not know: it could put files into the image", word)
		}
	}
	return i
}

const (
	program      = "/tailrace"
	certificates = "/etc/ssl/certs/ca-certificates.crt"
	spill        = "/var/spool/tailrace"
	uid          = 65532
)

func TestTheImageHoldsTheProgramAndCertificatesOnly(t *testing.T) {
	i := lastStage(t)
	if i.from != "scratch" {
		t.Fatalf("the last stage is from %q, want scratch", i.from)
	}
	var to []string
	for _, c := range i.copies {
		to = append(to, c[len(c)-1])
	}
	// The last one is a folder that holds the mount point, which is empty.
	if want := []string{program, certificates, filepath.Dir(spill)}; !slices.Equal(to, want) {
		t.Errorf("copied into the image: got %q, want %q", to, want)
	}
	if want := []string{spill}; !slices.Equal(i.volumes, want) {
		t.Errorf("volumes: got %q, want %q", i.volumes, want)
	}
	if want := []string{"TMPDIR=" + spill}; !slices.Equal(i.env, want) {
		t.Errorf("environment: got %q, want %q, as there is no /tmp", i.env, want)
	}
	if want := []string{program}; !slices.Equal(i.entrypoint, want) {
		t.Errorf("entry point: got %q, want %q", i.entrypoint, want)
	}
	if got, want := i.user, fmt.Sprintf("%d:%[1]d", uid); got != want {
		t.Errorf("user: got %q, want %q", got, want)
	}
}

func TestTheBuilderGetsEveryFolderOfTheProgram(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", root+"/cmd/tailrace").Output()
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	let := strings.Split(read(t, ".dockerignore"), "\n")
	if !slices.Contains(let, "*") {
		t.Error(".dockerignore does not begin by leaving out everything")
	}
	for dir := range strings.FieldsSeq(string(out)) {
		rel, err := filepath.Rel(base, dir)
		if err != nil {
			t.Fatal(err)
		}
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		if !slices.Contains(let, "!"+top) {
			t.Errorf(".dockerignore leaves out %s, which the program is built from: add !%s", rel, top)
		}
	}
}
