package file

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/tailrace/tailrace/publish"
)

// maxOpen is how many files are kept open.
const maxOpen = 256

// kept is how much memory for lines is kept from one group to the next.
const kept = 2 * groupBytes

// A folder is the outputs of a Publisher. After Open only the writer uses it, but
// for sync, which is the syncer's; after that has returned, who closes it.
type folder struct {
	path    string
	lock    *os.File
	self    *os.File                     // to sync the folder with
	topics  map[string]*output           // topics of events by name
	control [publish.Schemas + 1]*output // the others by channel
	open    []*output                    // in the order of opening
	group   []*output                    // that the group writes to
	number  uint64                       // counts groups
	lines   []byte                       // of the group, output by output
	settle  func() error                 // waits until the syncer has nothing to do
}

// append writes the lines of the jobs of g. After an error some of them may be
// written, and nothing may be appended any more.
func (f *folder) append(g *group) error {
	f.divide(g.jobs)
	f.copyLines(g.jobs)
	for _, o := range f.group {
		created, err := f.ready(o)
		if err != nil {
			return err
		}
		g.grown = g.grown || created
		if err := o.write(); err != nil {
			return err
		}
	}
	for _, o := range f.group {
		if o.file != nil { // else it was synced when it made room for another one
			g.ends = append(g.ends, end{o, o.length})
		}
	}
	return nil
}

// sync makes what groups have written durable. The last group goes first: a file
// that it has synced is so for those before it.
func (f *folder) sync(groups []*group) error {
	grown := false
	for _, g := range slices.Backward(groups) {
		grown = grown || g.grown
		for _, e := range g.ends {
			if err := e.output.sync(e.at); err != nil {
				return err
			}
		}
	}
	if grown {
		return f.self.Sync()
	}
	return nil
}

// divide finds the outputs of jobs and how many bytes each will get, so that
// one buffer of the right size serves them all.
func (f *folder) divide(jobs []job) {
	f.number++
	f.group = f.group[:0]
	total := 0
	f.each(jobs, func(o *output, value []byte) {
		if o.used != f.number {
			o.used, o.need = f.number, 0
			f.group = append(f.group, o)
		}
		o.need += len(value) + 1
		total += len(value) + 1
	})
	if cap(f.lines) > kept {
		f.lines = nil
	}
	f.lines = slices.Grow(f.lines[:0], total)
	at := 0
	for _, o := range f.group {
		o.lines = f.lines[at : at : at+o.need]
		at += o.need
	}
}

func (f *folder) copyLines(jobs []job) {
	f.each(jobs, func(o *output, value []byte) {
		o.lines = append(o.lines, value...)
		o.lines = append(o.lines, '\n')
	})
}

func (f *folder) each(jobs []job, do func(o *output, value []byte)) {
	var topic *publish.Topic
	var o *output
	for _, j := range jobs {
		for i := range j.batch.Records {
			r := &j.batch.Records[i]
			if r.Topic != topic {
				topic, o = r.Topic, f.output(r.Topic)
			}
			do(o, j.batch.Value(r))
		}
	}
}

func (f *folder) output(t *publish.Topic) *output {
	if !t.Channel.Events() {
		if f.control[t.Channel] == nil {
			f.control[t.Channel] = newOutput(f.path, t)
		}
		return f.control[t.Channel]
	}
	o := f.topics[t.Name]
	if o == nil {
		o = newOutput(f.path, t)
		f.topics[t.Name] = o
	}
	return o
}

// ready opens o, closing others where that is needed. It reports whether that made
// the file.
func (f *folder) ready(o *output) (created bool, err error) {
	if o.file != nil {
		return false, nil
	}
	if len(f.open) >= maxOpen {
		if err := f.closeOldest(); err != nil {
			return false, err
		}
	}
	created, err = o.open()
	for (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) && len(f.open) > 0 {
		if err := f.closeOldest(); err != nil {
			return false, err
		}
		created, err = o.open()
	}
	if err != nil {
		return false, err
	}
	f.open = append(f.open, o)
	return created, nil
}

// closeOldest closes the output that was not used for longest.
func (f *folder) closeOldest() error {
	if err := f.settle(); err != nil {
		return err
	}
	oldest := 0
	for i, o := range f.open {
		if o.used < f.open[oldest].used {
			oldest = i
		}
	}
	o := f.open[oldest]
	if err := o.sync(o.length); err != nil {
		return err
	}
	f.open = slices.Delete(f.open, oldest, oldest+1)
	return o.close()
}

// abandon cuts off what is not durable: half a line, and lines that will be sent
// again.
func (f *folder) abandon() {
	for _, o := range f.open {
		o.abandon()
	}
}

func (f *folder) close() error {
	var errs []error
	for _, o := range f.open {
		errs = append(errs, o.close())
	}
	return errors.Join(append(errs, f.self.Close(), f.lock.Close())...)
}

func newOutput(folder string, t *publish.Topic) *output {
	return &output{path: filepath.Join(folder, fileName(t))}
}
