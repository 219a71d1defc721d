package oracle_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/stress/oracle"
)

func TestLegalHistoriesAreAccepted(suite *testing.T) {
	for _, h := range []struct {
		name   string
		table  oracle.Table
		events []ev
		rows   []int
	}{
		{"a row is read and goes on", orders, []ev{r("9.1:1.0", 1, 4), u("12.1.0", 1, 5)}, []int{1, 5, 5}},
		{"an update comes before the row is read", orders, []ev{u("5.1.0", 1, 4), r("9.1:1.0", 1, 4), u("12.1.0", 1, 5)}, []int{1, 5, 5}},
		{"a row that the stream has brought whole is not read", orders, []ev{u("5.1.0", 1, 4), r("9.1:1.0", 2, 0)}, []int{1, 4, 4, 2, 0, 0}},
		{"a row is deleted and comes back above its last n", orders, []ev{r("9.1:1.0", 1, 4), d("12.1.0", 1, 4), c("14.1.0", 1, 5)}, []int{1, 5, 5}},
		{"a row comes back in the transaction of its delete", orders, []ev{r("9.1:1.0", 1, 4), d("12.1.0", 1, 4), c("12.2.0", 1, 5)}, []int{1, 5, 5}},
		{"a row is moved and keeps its n", orders, []ev{r("9.1:1.0", 1, 4), d("12.1.0", 1, 4), c("12.1.1", 2, 4), u("13.1.0", 2, 5)}, []int{2, 5, 5}},
		{"an absent value is that of the row that was read", orders, []ev{r("9.1:1.0", 1, 4), u("12.1.0", 1, 5).lacks()}, []int{1, 5, 4}},
		{"an absent value is read later", orders, []ev{u("5.1.0", 1, 4).lacks(), r("9.1:1.0", 1, 4).was(2)}, []int{1, 4, 2}},
		{
			"an absent value of a moved row is that of the old one", orders,
			[]ev{r("9.1:1.0", 1, 4), {op: "d", place: "12.1.0", id: 1, n: 4, to: 2}, {op: "c", place: "12.1.1", id: 2, n: 4, from: 1, absent: true}},
			[]int{2, 4, 4},
		},
		{
			"a moved row carries nothing but its key", orders,
			[]ev{r("9.1:1.0", 1, 4), {op: "d", place: "12.1.0", id: 1, n: 4, to: 2}, {op: "c", place: "12.1.1", id: 2, from: 1, bare: true}, u("13.1.0", 2, 5)},
			[]int{2, 5, 5},
		},
		{
			"a moved row that nobody has read carries nothing but its key, and is read later", orders,
			[]ev{{op: "d", place: "5.1.0", id: 1, n: 4, to: 2}, {op: "c", place: "5.1.1", id: 2, from: 1, bare: true}, r("9.1:1.0", 2, 4), u("13.1.0", 2, 5)},
			[]int{2, 5, 5},
		},
		{"a table is emptied, and a row comes back", orders, []ev{r("9.1:1.0", 1, 4), r("9.1:1.1", 2, 4), t("11.1.0"), c("12.1.0", 1, 5)}, []int{1, 5, 5}},
		{
			"a suffix is sent again", orders,
			[]ev{u("5.1.0", 1, 4), u("6.1.0", 1, 5), u("7.1.0", 1, 6), u("6.1.0", 1, 5), u("7.1.0", 1, 6), u("8.1.0", 1, 7)},
			[]int{1, 7, 7},
		},
		{
			"a second restart begins further back", orders,
			[]ev{u("5.1.0", 1, 4), u("6.1.0", 1, 5), u("7.1.0", 1, 6), u("6.1.0", 1, 5), u("5.1.0", 1, 4), u("6.1.0", 1, 5), u("7.1.0", 1, 6), u("8.1.0", 1, 7)},
			[]int{1, 7, 7},
		},
		{
			"rows that were read and not saved are not sent again but read anew", orders,
			[]ev{u("5.1.0", 1, 4), r("6.1:1.0", 2, 3), u("7.1.0", 1, 5), u("5.1.0", 1, 4), u("7.1.0", 1, 5), r("9.2:1.0", 1, 5), r("9.2:1.1", 2, 3)},
			[]int{1, 5, 5, 2, 3, 3},
		},
		{"a row is read, deleted by the stream and not read again", orders, []ev{r("6.1:1.0", 1, 3), d("7.1.0", 1, 3), r("8.2:1.0", 2, 1)}, []int{2, 1, 1}},
		{"a keyless table is read and goes on", journal, []ev{u("5.1.0", 1, 4), r("9.1:1.0", 1, 4), r("9.1:1.1", 1, 4), u("12.1.0", 1, 5), d("13.1.0", 1, 4)}, []int{1, 5, 0}},
		{
			"the copy of a keyless table is begun anew", journal,
			[]ev{r("9.1:1.0", 1, 4), u("12.1.0", 1, 5), t("14.2:1.0"), r("14.2:1.1", 1, 5), u("15.1.0", 1, 6)},
			[]int{1, 6, 0},
		},
		{
			"what the first copy of a keyless table had shown comes before the second", journal,
			[]ev{r("9.1:1.0", 1, 6), u("12.1.0", 1, 7), u("10.1.0", 1, 6), u("12.1.0", 1, 7), t("14.2:1.0"), r("14.2:1.1", 1, 7)},
			[]int{1, 7, 0},
		},
	} {
		suite.Run(h.name, func(t *testing.T) {
			report, err := oracle.Check(h.table, []oracle.Partition{partition(h.table, h.events...)}, has(h.table, h.rows...))
			if err != nil {
				t.Fatalf("got %v", err)
			}
			if got := report.Events + report.Again; got != len(h.events) {
				t.Errorf("got %d events, want %d", got, len(h.events))
			}
		})
	}
}

func TestIllegalHistoriesAreRefused(suite *testing.T) {
	for _, h := range []struct {
		name   string
		table  oracle.Table
		events []ev
		rows   []int
		want   string
	}{
		{"an older value is read last", orders, []ev{u("5.1.0", 1, 4), r("9.1:1.0", 1, 3)}, []int{1, 4, 4}, "a snapshot brings n 3 after n 4"},
		{"a newer value is read than the stream has brought", orders, []ev{u("5.1.0", 1, 4), r("9.1:1.0", 1, 5), u("12.1.0", 1, 5)}, []int{1, 5, 5}, "changes that the stream brings later"},
		{"a newer value is read and the stream steps back", orders, []ev{r("9.1:1.0", 1, 5), u("12.1.0", 1, 5)}, []int{1, 5, 5}, "it leads from n 5 to n 5"},
		{"an update is lost", orders, []ev{r("9.1:1.0", 1, 4), u("12.1.0", 1, 6)}, []int{1, 6, 6}, "it leads from n 4 to n 6"},
		{"a deleted row is read", orders, []ev{d("5.1.0", 1, 4), r("9.1:1.0", 1, 4)}, nil, "brings back a row whose delete has arrived"},
		{"a row of before a truncate is read", orders, []ev{u("4.1.0", 1, 3), t("5.1.0"), r("9.1:1.0", 2, 4)}, nil, "a snapshot brings a row that is not there"},
		{"a row comes back with its last n", orders, []ev{d("5.1.0", 1, 4), c("6.1.0", 1, 4), u("7.1.0", 1, 5), d("8.1.0", 1, 5), c("9.1.0", 1, 5)}, []int{1, 5, 5}, "it inserts n 5 after n 5"},
		{"a row is inserted that is there", orders, []ev{c("5.1.0", 1, 4), c("6.1.0", 1, 5)}, []int{1, 5, 5}, "inserts a row that is there"},
		{"a deleted row is updated", orders, []ev{d("5.1.0", 1, 4), u("6.1.0", 1, 5)}, []int{1, 5, 5}, "updates a row that is not there"},
		{"a deleted row is deleted", orders, []ev{d("5.1.0", 1, 4), d("6.1.0", 1, 4)}, nil, "deletes a row that is not there"},
		{"an absent value never comes", orders, []ev{u("5.1.0", 1, 4).lacks()}, []int{1, 4, 2}, "by ver: the column w never came"},
		{
			"a step is lost behind a moved row that carries nothing but its key", orders,
			[]ev{r("9.1:1.0", 1, 4), {op: "d", place: "12.1.0", id: 1, n: 4, to: 2}, {op: "c", place: "12.1.1", id: 2, from: 1, bare: true}, u("13.1.0", 2, 6)},
			[]int{2, 6, 6},
			"it leads from n 4 to n 6",
		},
		{"a row is inserted without a step", orders, []ev{{op: "c", place: "5.1.0", id: 1, bare: true}}, []int{1, 4, 4}, "it does not carry n"},
		{"a value is lost", orders, []ev{u("5.1.0", 1, 4).was(2)}, []int{1, 4, 3}, "by ver: the column w is"},
		{"a value that is read is not that of the stream", orders, []ev{u("5.1.0", 1, 4).was(3), r("9.1:1.0", 1, 4).was(2)}, []int{1, 4, 3}, "column w of the row is not what the row had"},
		{"a row is of two steps", orders, []ev{u("5.1.0", 1, 4).was(5)}, []int{1, 4, 5}, "w is of a later step"},
		{"a row is not read", orders, []ev{r("9.1:1.0", 1, 4)}, []int{1, 4, 4, 2, 1, 1}, "a consumer has not this row"},
		{"a delete is lost", orders, []ev{r("9.1:1.0", 1, 4)}, nil, "a consumer has a row that the table has not"},
		{"a ver has other bytes", orders, []ev{u("5.1.0", 1, 4), {op: "u", place: "5.1.0", id: 1, n: 4, other: true}}, []int{1, 4, 4}, "with other bytes, in record 1"},
		{"a change comes late", orders, []ev{u("6.1.0", 1, 4), u("5.1.0", 2, 4)}, []int{1, 4, 4, 2, 4, 4}, "for the first time after the higher ver"},
		{"rows that are read come late", orders, []ev{u("6.1.0", 1, 4), r("5.1:1.0", 2, 4)}, []int{1, 4, 4, 2, 4, 4}, "for the first time after the higher ver"},
		{
			"something new comes before the end of what is sent again", orders,
			[]ev{u("5.1.0", 1, 4), u("6.1.0", 1, 5), u("5.1.0", 1, 4), u("7.1.0", 1, 6)},
			[]int{1, 6, 6},
			"is left out",
		},
		{
			"what is sent again has a gap", orders,
			[]ev{u("5.1.0", 1, 4), u("6.1.0", 1, 5), u("7.1.0", 1, 6), u("5.1.0", 1, 4), u("7.1.0", 1, 6)},
			[]int{1, 6, 6},
			"is left out",
		},
		{"a row that is read lacks a value", orders, []ev{r("9.1:1.0", 1, 4).lacks()}, []int{1, 4, 4}, "a row that was read lacks columns"},
		{"a copy of a table with a key truncates", orders, []ev{t("8.1:1.0"), r("9.1:1.0", 1, 4)}, []int{1, 4, 4}, "a copy of a table with a key truncates"},
		{"a change of a keyless table is both read and streamed", journal, []ev{r("9.1:1.0", 1, 5), u("10.1.0", 1, 5)}, []int{1, 5, 0}, "changes a row that is not there"},
		{"an insert into a keyless table is both read and streamed", journal, []ev{r("9.1:1.0", 1, 5), c("10.1.0", 1, 5)}, []int{1, 5, 0}, "0 rows of the table did not arrive, 1"},
		{"a change of a keyless table is left out", journal, []ev{r("9.1:1.0", 1, 5)}, []int{1, 6, 0}, "1 rows of the table did not arrive, 1"},
		{"changes come between the rows of a keyless table", journal, []ev{r("9.1:1.0", 1, 5), c("10.1.0", 2, 0), r("11.1:1.0", 3, 5)}, []int{1, 5, 0, 2, 0, 0, 3, 5, 0}, "between the rows of a copy"},
		{"a keyless table is read anew without a truncate", journal, []ev{r("9.1:1.0", 1, 5), r("11.2:1.0", 1, 5)}, []int{1, 5, 0}, "begun anew without a truncate"},
		{
			"a keyless table is read anew at a place that the stream had passed", journal,
			[]ev{r("9.1:1.0", 1, 4), u("12.1.0", 1, 5), t("11.2:1.0"), r("11.2:1.1", 1, 5)},
			[]int{1, 5, 0},
			"for the first time after the higher ver",
		},
	} {
		suite.Run(h.name, func(t *testing.T) {
			_, err := oracle.Check(h.table, []oracle.Partition{partition(h.table, h.events...)}, has(h.table, h.rows...))
			var v *oracle.Violation
			if !errors.As(err, &v) || !strings.Contains(v.Error(), h.want) || v.Table != h.table.Name {
				t.Errorf("got %v, want a violation of %s with %q", err, h.table.Name, h.want)
			}
		})
	}
}

func TestPartitionsOfATableWithoutAKey(suite *testing.T) {
	for _, h := range []struct {
		name       string
		partitions [][]ev
		want       string // "": it is legal
	}{
		{
			"the truncate of a copy is in one, and a later life has begun anew in both",
			[][]ev{
				{r("9.1:1.0", 1, 4), t("9.2:1.0"), r("9.2:1.1", 1, 4), t("9.3:1.0"), r("9.3:1.1", 1, 4)},
				{t("9.3:1.0")},
			},
			"",
		},
		{
			"the truncate of a copy is in one, and the same life goes on",
			[][]ev{{r("9.1:1.0", 1, 4), t("9.2:1.0"), r("9.2:1.1", 1, 4)}, {r("9.2:2.0", 2, 4)}},
			"in 1 partitions of 2",
		},
		{
			"the truncates of two lives are in one each",
			[][]ev{{r("9.1:1.0", 1, 4), t("9.2:1.0"), r("9.3:1.1", 1, 4)}, {t("9.3:1.0")}},
			"in 1 partitions of 2",
		},
		{
			"a truncate of the stream is in one, and a copy begins anew in both",
			[][]ev{{r("9.1:1.0", 1, 4), t("10.1.0"), t("11.3:1.0"), r("11.3:1.1", 1, 4)}, {t("11.3:1.0")}},
			"in 1 partitions of 2",
		},
	} {
		suite.Run(h.name, func(t *testing.T) {
			var all []oracle.Partition
			for _, events := range h.partitions {
				all = append(all, partition(journal, events...))
			}
			_, err := oracle.Check(journal, all, has(journal, 1, 4, 0))
			if got := fmt.Sprint(err); h.want == "" && err != nil || !strings.Contains(got, h.want) {
				t.Errorf("got %v, want %q", err, h.want)
			}
		})
	}
}

func TestPartitionsOfATable(suite *testing.T) {
	for _, h := range []struct {
		name       string
		partitions [][]ev
		rows       []int
		want       string // "": it is legal
	}{
		{"keys have a partition each", [][]ev{{r("9.1:1.0", 1, 4)}, {r("9.1:1.1", 2, 4)}}, []int{1, 4, 4, 2, 4, 4}, ""},
		{"a truncate is in both", [][]ev{{r("9.1:1.0", 1, 4), t("11.1.0")}, {r("9.1:1.1", 2, 4), t("11.1.0")}}, nil, ""},
		{"a truncate is in one", [][]ev{{r("9.1:1.0", 1, 4), t("11.1.0")}, {r("9.1:1.1", 2, 4)}}, nil, "in 1 partitions of 2"},
		{"a key changes its partition", [][]ev{{r("9.1:1.0", 1, 4)}, {u("11.1.0", 1, 5)}}, []int{1, 5, 5}, "it was in partition 0 before"},
		{"an event is in both", [][]ev{{r("9.1:1.0", 1, 4)}, {r("9.1:1.0", 1, 4)}}, []int{1, 4, 4}, "in 2 partitions"},
		{
			"a moved row has its absent value from the other partition",
			[][]ev{
				{r("9.1:1.0", 1, 4), {op: "d", place: "12.1.0", id: 1, n: 4, to: 2}},
				{{op: "c", place: "12.1.1", id: 2, n: 4, from: 1, absent: true}},
			},
			[]int{2, 4, 4},
			"",
		},
		{
			"a moved row has an absent value that nobody had",
			[][]ev{
				{{op: "d", place: "12.1.0", id: 1, n: 4, to: 2}},
				{{op: "c", place: "12.1.1", id: 2, n: 4, from: 1, absent: true}},
			},
			[]int{2, 4, 4},
			"by ver: the column w never came",
		},
	} {
		suite.Run(h.name, func(t *testing.T) {
			var all []oracle.Partition
			for _, events := range h.partitions {
				all = append(all, partition(orders, events...))
			}
			_, err := oracle.Check(orders, all, has(orders, h.rows...))
			switch {
			case h.want == "" && err != nil:
				t.Errorf("got %v, want it to be legal", err)
			case h.want != "" && (err == nil || !strings.Contains(err.Error(), h.want)):
				t.Errorf("got %v, want %q", err, h.want)
			}
		})
	}
}
