package verify_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/verify"
)

// partitions is how many each topic of goodKafka has.
const partitions = 3

// part returns the file of a partition of stock.
func part(n int) string { return "shop.public.stock-" + strconv.Itoa(n) + ".tsv" }

const (
	truncates = "shop.public.readings"
	endsCopy  = "shop.transactions-0.tsv"
)

// goodKafka returns the sink good with a TRUNCATE, as it is copied from Kafka.
// By key, rows a and b of stock are in partition 0 and row c is in partition 1.
func goodKafka(t *testing.T, by string) *sink {
	t.Helper()
	s := good(t)
	s.transaction(t, "105", 1, 0x5000, map[string][]string{"readings": {`{"op":"t","before":null,"after":null`}})
	files := s.events
	s.by, s.events = by, make(map[string][]string)
	for file, events := range files {
		topic := strings.TrimSuffix(file, ".ndjson")
		if control, ok := strings.CutPrefix(topic, "_"); ok {
			topic = "shop." + control
		}
		for i := range partitions {
			s.events[fmt.Sprintf("%s-%d.tsv", topic, i)] = nil
		}
		for _, e := range events {
			key, partition := "", 0
			if sku := regexp.MustCompile(`"sku":"(.)"`).FindStringSubmatch(e); sku != nil {
				key = fmt.Sprintf(`{"sku":"%s","warehouse":"w"}`, sku[1])
				if by == verify.ByKey && sku[1] == "c" {
					partition = 1
				}
			}
			last := partition
			if topic == truncates {
				last = partitions - 1
			}
			for ; partition <= last; partition++ {
				s.append(fmt.Sprintf("%s-%d.tsv", topic, partition), key, e)
			}
		}
	}
	return s
}

// append adds a record with the next offset to a partition.
func (s *sink) append(file, key, value string) {
	s.events[file] = append(s.events[file], fmt.Sprintf("%d\t%s\t%s", len(s.events[file]), key, value))
}

// again adds a record once more, at the place at.
func (s *sink) again(file string, at int, records ...string) {
	s.events[file] = slices.Insert(slices.Clone(s.events[file]), at, records...)
}

func TestAGoodTopicIsGood(t *testing.T) {
	for _, c := range []struct {
		name, by string
		make     func(s *sink)
		want     verify.Report
	}{
		{"whose tables are in one partition each", verify.ByTable, func(*sink) {}, verify.Report{Events: 9, Transactions: 4, Marks: 2, Rows: 4}},
		{"whose keys are in several partitions", verify.ByKey, func(*sink) {}, verify.Report{Events: 9, Transactions: 4, Marks: 2, Rows: 4}},
		{"with a suffix of one partition that was sent again", verify.ByKey, func(s *sink) {
			s.runs = 1
			s.again(part(0), 3, s.events[part(0)][1:3]...)
		}, verify.Report{Events: 9, Again: 2, Runs: 1, Transactions: 4, Marks: 2, Rows: 4}},
		{"with a truncate that was sent again to some partitions", verify.ByKey, func(s *sink) {
			s.runs = 1
			s.again(truncates+"-1.tsv", 1, s.events[truncates+"-1.tsv"]...)
		}, verify.Report{Events: 9, Again: 1, Runs: 1, Transactions: 4, Marks: 2, Rows: 4}},
		{"with offsets that were taken by transactions, and fences", verify.ByKey, func(s *sink) {
			s.replace(part(1), 0, "0\t", "7\t")
			s.fences = []verify.Fence{{Below: below(0x3000), Sizes: map[string]int64{
				part(0): 2, part(1): 8, "shop.public.journal-0.tsv": 2, endsCopy: 2,
			}}}
		}, verify.Report{Events: 9, Transactions: 4, Marks: 2, Rows: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := goodKafka(t, c.by)
			c.make(s)
			got, err := s.verify(t)
			if err != nil {
				t.Fatal(err)
			}
			if got.Bytes = 0; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestEveryBrokenPromiseOfATopicIsFound(t *testing.T) {
	for _, c := range []struct {
		name, by   string
		wreck      func(s *sink)
		file, want string
	}{
		{"a record is lost", verify.ByKey, func(s *sink) { s.drop(part(0), 1) }, part(0), "next of writer 0 is line 2"},
		{"the last record is lost", verify.ByKey, func(s *sink) { s.drop(part(0), 3) }, part(0), "lost: what writer 0 committed from line 4"},
		{"all records of a partition are lost", verify.ByKey, func(s *sink) { s.events[part(1)] = nil }, part(0), "lost: what writer 1 committed from line 1"},
		{"two records of a partition are swapped", verify.ByKey, func(s *sink) {
			e := s.events[part(0)]
			e[1], e[2] = e[2], e[1]
		}, part(0), "next of writer 0 is line 2"},
		{"two partitions have their records from each other", verify.ByKey, func(s *sink) {
			s.events[part(0)], s.events[part(1)] = s.events[part(1)], s.events[part(0)]
			s.events[part(0)] = append(s.events[part(0)], s.events[part(1)][1])
		}, part(0), "arrives first after a higher one"},
		{"a duplicate is no suffix", verify.ByKey, func(s *sink) {
			s.runs = 1
			s.again(part(0), 2, s.events[part(0)][0])
		}, part(0), "something new comes after a re-sent line"},
		{"a duplicate comes after an orderly run", verify.ByKey, func(s *sink) {
			s.again(part(0), 4, s.events[part(0)][3])
		}, part(0), "sent again, in run 1, with at most 0"},
		{"a duplicate has another byte", verify.ByKey, func(s *sink) {
			s.runs = 1
			s.again(part(0), 4, strings.Replace(s.events[part(0)][3], `"after":null`, `"after":null `, 1))
		}, part(0), "with other bytes"},
		{"a byte is altered", verify.ByKey, func(s *sink) { s.replace(part(1), 0, `"quantity":3`, `"quantity":4`) }, part(1), "not the event that line 1 of the book of writer 1"},
		{"a key is on two partitions", verify.ByKey, func(s *sink) {
			s.events[part(1)] = append(s.events[part(1)], s.events[part(0)][2])
			s.drop(part(0), 2)
		}, part(1), "what shares a partition by key was in partition 0 before"},
		{"a record is in two partitions", verify.ByKey, func(s *sink) {
			s.again(part(1), 0, s.events[part(0)][0])
		}, part(0), "is in the partitions 0 and 1"},
		{"a keyless table is on two partitions", verify.ByKey, func(s *sink) {
			s.events["shop.public.journal-1.tsv"] = s.events["shop.public.journal-0.tsv"][2:]
			s.events["shop.public.journal-0.tsv"] = s.events["shop.public.journal-0.tsv"][:2]
		}, "shop.public.journal-1.tsv", "was in partition 0 before"},
		{"a table is on two partitions", verify.ByTable, func(s *sink) {
			s.events[part(2)] = s.events[part(0)][4:]
			s.events[part(0)] = s.events[part(0)][:4]
		}, part(2), "what shares a partition by table was in partition 0 before"},
		{"a record has the key of another row", verify.ByKey, func(s *sink) { s.replace(part(0), 2, `{"sku":"a"`, `{"sku":"b"`) }, part(0), "not the key of its row"},
		{"a record of a keyless table has a key", verify.ByKey, func(s *sink) { s.replace("shop.public.journal-0.tsv", 0, "\t\t", "\t{}\t") }, "shop.public.journal-0.tsv", "not the key of its row"},
		{"a truncate is not in all partitions", verify.ByKey, func(s *sink) { s.events[truncates+"-2.tsv"] = nil }, truncates + "-0.tsv", "a truncate is in 2 partitions of 3"},
		{"a truncate has other bytes in a partition", verify.ByKey, func(s *sink) {
			s.replace(truncates+"-2.tsv", 0, `"before":null`, `"before":null `)
		}, truncates + "-0.tsv", "a truncate has other bytes"},
		{"a record has no value", verify.ByKey, func(s *sink) { s.append(part(1), `{"sku":"c","warehouse":"w"}`, "") }, part(1), "it is no event"},
		{"a value holds a line break", verify.ByKey, func(s *sink) { s.replace(part(1), 0, `"remark":`, "\n\"remark\":") }, part(1), "it is no event"},
		{"the checkpoint covered what had not arrived", verify.ByKey, func(s *sink) {
			s.fences = []verify.Fence{{Below: below(0x2001), Sizes: map[string]int64{part(0): 4, part(1): 0}}}
		}, part(1), "said to be published"},
		{"the checkpoint covered an END that had not arrived", verify.ByKey, func(s *sink) {
			s.fences = []verify.Fence{{Below: below(0x1001), Sizes: map[string]int64{part(0): 4, "shop.public.journal-0.tsv": 2}}}
		}, endsCopy, "said to be published"},
		{"an END is lost", verify.ByKey, func(s *sink) { s.drop(endsCopy, 1) }, endsCopy, "which is not the next of writer 1"},
		{"an END comes once more", verify.ByKey, func(s *sink) { s.again(endsCopy, 4, s.events[endsCopy][3]) }, endsCopy, "sent again"},
		{"ENDs are in two partitions", verify.ByKey, func(s *sink) {
			s.events["shop.transactions-2.tsv"] = s.events[endsCopy][3:]
			s.events[endsCopy] = s.events[endsCopy][:3]
		}, "shop.transactions-2.tsv", "they have no order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := goodKafka(t, c.by)
			c.wreck(s)
			_, err := s.verify(t)
			var v *verify.Violation
			if !errors.As(err, &v) {
				t.Fatalf("got %v, want a violation", err)
			}
			if v.File != c.file || !strings.Contains(v.What, c.want) {
				t.Errorf("got %v, want one in %s with %q", v, c.file, c.want)
			}
		})
	}
}
