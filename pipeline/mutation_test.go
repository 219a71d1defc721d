package pipeline_test

import (
	"path/filepath"
	"testing"

	"github.com/tailrace/tailrace/internal/mutant"
)

// TestMutations proves that the tests of this package can fail: each case
// builds the pipeline with one rule broken and wants them to notice.
func TestMutations(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutations {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			complaint, err := m.Try(root, t.TempDir(), "-skip=TestMutations", "-timeout=60s", ".", "-sim.seeds=400")
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("noticed by %s", complaint)
		})
	}
}

var mutations = []mutant.Mutant{
	mutant.Of(
		"the frontier takes the newest acknowledgement", "checkpoint/frontier.go",
		"\tt.done = true\n", "\tt.done = true\n\tf.reached.Extend(t.mark)\n\tf.news = true\n",
	),
	mutant.Of(
		"the frontier gives no room back", "checkpoint/frontier.go",
		"\tf.used -= t.size\n", "",
	),
	mutant.Of(
		"the reader never waits for room", "pipeline/reader.go",
		"if l.frontier.Wait(ctx) != nil {", "if ctx.Err() != nil {",
	),
	mutant.Of(
		"a failed save does not hold publishing", "checkpoint/frontier.go",
		"f.news, f.saving, f.taken = false, true, f.unsaved", "f.news, f.taken = false, f.unsaved",
	),
	mutant.Of(
		"a failed save is not repeated", "pipeline/saver.go",
		"\t\tl.frontier.Saved(false)\n\t\treturn err\n", "\t\treturn err\n",
	),
	mutant.Of(
		"units are handed on as they are encoded", "pipeline/sequencer.go",
		"\t\t\terr = s.hand(j)\n",
		"\t\t\tselect {\n\t\t\tcase <-j.encoded:\n\t\t\t\tj.encoded <- struct{}{}\n\t\t\tdefault:\n"+
			"\t\t\t\tselect {\n\t\t\t\tcase k, more := <-l.order:\n\t\t\t\t\tif more {\n\t\t\t\t\t\terr = s.hand(k)\n\t\t\t\t\t}\n\t\t\t\tdefault:\n\t\t\t\t}\n\t\t\t}\n"+
			"\t\t\tif err == nil {\n\t\t\t\terr = s.hand(j)\n\t\t\t}\n",
	),
	mutant.Of(
		"the saver confirms before it saves", "pipeline/saver.go",
		"\tst := l.state(m)\n", "\tst := l.state(m)\n\tl.confirm(m)\n",
	),
	mutant.Of(
		"rows that were published before are sent again", "pipeline/worker.go",
		"if !copied && c.Ver.Compare(w.life.resent) <= 0 {", "if false {",
	),
	mutant.Of(
		"nobody checks that the open transaction comes again", "pipeline/reader.go",
		"if got > want {", "if false {",
	),
	mutant.Of(
		"a unit with an encode error counts as whole", "pipeline/worker.go",
		"\t\t\tj.mark = checkpoint.Mark{Ver: j.mark.Ver}\n", "\t\t\t_ = checkpoint.Mark{}\n",
	),
	mutant.Of(
		"an encode error is not returned", "pipeline/sequencer.go",
		"\treturn encodeErr\n", "\treturn nil\n",
	),
	mutant.Of(
		"the sink is not told to hurry", "pipeline/sequencer.go",
		"\treturn s.sinkError(s.sink.Flush(s.hard))\n", "\treturn nil\n",
	),
	mutant.Of(
		"the sink is told to hurry once only while more is queued", "pipeline/sequencer.go",
		"s.full && len(l.order) == 0 {\n\t\t\ts.full = false\n", "s.full {\n\t\t\ts.full = false\n\t\t\tif len(l.order) > 0 {\n\t\t\t\tcontinue\n\t\t\t}\n",
	),
	mutant.Of(
		"schema documents are not waited for", "pipeline/sequencer.go",
		"\tif s.commit != nil {\n\t\treturn nil\n\t}\n\tif err", "\tif s.p != nil {\n\t\treturn nil\n\t}\n\tif err",
	),
	mutant.Of(
		"progress is told before it is saved", "pipeline/saver.go",
		"\terr := l.p.Store.Save(ctx, st)\n", "\tselect {\n\tcase l.marks <- m:\n\tdefault:\n\t}\n\terr := l.p.Store.Save(ctx, st)\n",
	),
	mutant.Of(
		"an END marker counts one unit only", "pipeline/sequencer.go",
		"s.markEnds(j)\n", "s.counts = s.counts[:0]\n\ts.markEnds(j)\n",
	),
	mutant.Of(
		"the last transaction is not committed", "pipeline/sequencer.go",
		"\tif s.commit != nil {\n\t\treturn s.commitNow()\n\t}\n\treturn nil\n}", "\treturn nil\n}",
	),
	mutant.Of(
		"a doubtful commit is taken for a failed one", "pipeline/pipeline.go",
		"st, err = p.load(ctx, st)", "_, err = p.load(ctx, st)",
	),
	mutant.Of(
		"the number of partitions is not saved", "pipeline/saver.go",
		"\tst.Partitions = partitions(l.sink, st.Partitions)\n", "",
	),
	mutant.Of(
		"a sink that is opened again is not told of partitions", "pipeline/pipeline.go",
		"\t\t\tst.Partitions = partitions(closing, st.Partitions)\n", "",
	),
	mutant.Of(
		"a failed sink is used again", "pipeline/pipeline.go",
		"if l != nil && l.sinkFailed.Load() {", "if false {",
	),
	mutant.Of(
		"the start position is not saved", "pipeline/pipeline.go",
		"if err := p.Store.Save(ctx, next); err != nil {", "if err := error(nil); err != nil {",
	),
	mutant.Of(
		"nothing is flushed at the end", "pipeline/life.go",
		"\tif l.hard.Err() == nil {\n\t\tl.flush()\n\t}\n", "",
	),
	mutant.Of(
		"the drain has no limit", "pipeline/life.go",
		"l.kill(errDrain)", "_ = errDrain",
	),
}
