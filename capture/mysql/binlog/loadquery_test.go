package binlog_test

import (
	"testing"

	"github.com/tailrace/tailrace/capture/mysql/binlog"
)

func TestLoadDataSaysWhatItChanged(t *testing.T) {
	status := append([]byte{12, 1}, "sales\x00"...)
	body := make([]byte, 26)
	body[8], body[11] = byte(len("shop")), byte(len(status))
	body = append(append(body, status...), "shop\x00LOAD DATA"...)
	q, err := binlog.ParseExecuteLoadQuery(body)
	if err != nil || string(q.Database) != "shop" || string(q.Text) != "LOAD DATA" {
		t.Fatalf("got %q %q, %v", q.Database, q.Text, err)
	}
	if names, said, err := q.Updated(); len(names) != 1 || string(names[0]) != "sales" || !said || err != nil {
		t.Errorf("got %q %t, %v, want sales", names, said, err)
	}
	for n := range len(body) - len("LOAD DATA") {
		if _, err := binlog.ParseExecuteLoadQuery(body[:n]); err == nil {
			t.Errorf("%d bytes of it are no error", n)
		}
	}
}
