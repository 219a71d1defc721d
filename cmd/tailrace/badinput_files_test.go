package main_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// standStill runs the pipeline and stops its process where it is, with all that
// it holds, so that it moves no checkpoint.
func (s *site) standStill(t *testing.T, args ...string) {
	t.Helper()
	p := s.follow(t, args...)
	p.following(t)
	p.signal(t, syscall.SIGSTOP)
}

func TestFilesThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	refuseAll(t, []refusal{
		{
			name: "the checkpoint is corrupt", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.write(t, s.checkpoint(), strings.Replace(s.saved(t), `"epoch": 0`, `"epoch": 1`, 1))
			},
			want: `read checkpoint FOLDER/checkpoint.json: the checkpoint is damaged: its checksum is SUM, its contents have SUM; restore it from a copy, or move it away and say with --from where to start`,
		},
		{
			name: "the checkpoint is torn", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.write(t, s.checkpoint(), s.saved(t)[:100])
			},
			want: `read checkpoint FOLDER/checkpoint.json: the checkpoint is damaged: unexpected end of JSON input; restore it from a copy, or move it away and say with --from where to start`,
		},
		{
			name: "the checkpoint is empty", code: 4,
			prepare: func(t *testing.T, s *site) { s.write(t, s.checkpoint(), "") },
			want:    `read checkpoint FOLDER/checkpoint.json: the checkpoint is damaged: it is empty; restore it from a copy, or move it away and say with --from where to start`,
		},
		{
			name: "the checkpoint has a newer format", code: 4,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.write(t, s.checkpoint(), strings.Replace(s.saved(t), `"format": 2`, `"format": 3`, 1))
			},
			want: `read checkpoint FOLDER/checkpoint.json: the checkpoint was written by a newer tailrace: it has format 3, this one reads up to 2; start the version that wrote it or a later one`,
		},
		{
			name: "the checkpoint is of another pipeline", code: 4, args: []string{"--name", "other"},
			prepare: established,
			want:    `the checkpoint FOLDER/checkpoint.json belongs to pipeline "NAME", this one is "other"; give each pipeline a file of its own with --checkpoint, or this one its name with --name`,
		},
		{
			name: "the folder of the checkpoint does not exist", code: 4,
			args: append(fromNow, "--checkpoint", "file:///nowhere/checkpoint.json"),
			want: `the folder /nowhere of the checkpoint does not exist; make it, or name another one with --checkpoint`,
		},
		{
			name: "the disk of the checkpoint is full", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *site) { mountFull(t, s.folder) },
			want:    `the checkpoint can't be kept in FOLDER: write FOLDER/checkpoint.json.lock: no space left on device; the folder must be writable and have room for two copies of the checkpoint; --checkpoint names another one`,
		},
		{
			name: "the disk of the events is full", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *site) {
				if err := os.Mkdir(s.events(), 0o755); err != nil {
					t.Fatal(err)
				}
				mountFull(t, s.events())
			},
			want: `events can't be published to FOLDER/events: write FOLDER/events/.tailrace.lock: no space left on device; it must be a folder that can be written to and has room`,
		},
		{
			name: "the folder of the events is a file", code: 4, args: fromNow,
			prepare: func(t *testing.T, s *site) { s.write(t, s.events(), "") },
			want:    `events can't be published to FOLDER/events: FOLDER/events is not a folder; it must be a folder that can be written to and has room`,
		},
		{
			name: "the folder of the events can't be written to", code: 4,
			args: append(fromNow, "--publish", "file:///proc/events"),
			want: `events can't be published to /proc/events: mkdir /proc/events: no such file or directory; it must be a folder that can be written to and has room`,
		},
		{
			name: "another instance runs with this checkpoint", code: 3,
			prepare: func(t *testing.T, s *site) {
				s.establish(t)
				s.standStill(t)
			},
			want: `another instance holds this pipeline: FOLDER/checkpoint.json is locked by process PID; stop the other instance, or give this one a checkpoint of its own`,
		},
		{
			name: "another instance publishes to this folder", code: 3,
			args: append(fromNow, "--name", "other", "--checkpoint", "file:${env:FOLDER}/other.json"),
			prepare: func(t *testing.T, s *site) {
				s.standStill(t, fromNow...)
			},
			want: `FOLDER/events is locked by process PID, which publishes to it; stop it, or publish to another folder`,
		},
	})
}
