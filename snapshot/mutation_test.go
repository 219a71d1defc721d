package snapshot_test

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailrace/tailrace/internal/mutant"
)

// TestMutations proves that the made-up histories can fail: each case breaks one rule
// and wants them to notice.
func TestMutations(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range slices.AppendSeq(mutations, maps.Values(mutant.Copies)) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			complaint, err := m.Try(root, t.TempDir(), "-run=TestNoOlderValueComesLast", "-timeout=600s", ".", "-sim.seeds=300")
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("noticed by %s", complaint)
		})
	}
}

var mutations = []mutant.Mutant{
	mutant.Of(
		"rows are handed on before the stream has brought what the view shows", "snapshot/release.go",
		"j.roomy() && j.place.passed(w.chunk.End)", "j.roomy()",
	),
	mutant.Of(
		"nobody waits for transactions that ran at the start", "snapshot/tend.go",
		"waits == \"\"\n", "true\n",
	),
	mutant.Of(
		"a partial row at a new key is not read again", "snapshot/observe.go",
		"\t\tj.again(c, ch.Table, row)\n", "",
	),
	mutant.Of(
		"what a view has shown of a table without a key is not left out", "snapshot/hide.go",
		"h.shows(&u.Txns[it.Txn])", "false",
	),
	mutant.Of(
		"a table without a key is not left out before it is copied", "snapshot/hide.go",
		"c.extent.Whole && c.id == 0", "false",
	),
	mutant.Of(
		"a table without a key that is copied once more begins without a truncate", "snapshot/whole.go",
		"\tif again {\n", "\tif again && false {\n",
	),
	mutant.Of(
		"the stream goes on while a table without a key is copied", "snapshot/join.go",
		"case !j.held() && j.outbox.rest == nil:", "case j.outbox.rest == nil:",
	),
	mutant.Of(
		"a truncate does not make rows useless that were read before it", "snapshot/observe.go",
		"\t\tj.tracker.lose(c)\n\t\treturn\n\tcase event.Delete:", "\t\treturn\n\tcase event.Delete:",
	),
	mutant.Of(
		"a step of a read begins where the one before it did", "snapshot/gather.go",
		"\t\tpart.After = chunk.Last\n", "",
	),
	mutant.Of(
		"what is behind a chunk is forgotten", "snapshot/work.go",
		"if !chunk.Done && t.p.keys == nil {", "if false {",
	),
}
