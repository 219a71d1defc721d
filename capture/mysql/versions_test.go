package mysql_test

import (
	"fmt"
	"testing"

	"github.com/tailrace/tailrace/capture/mysql"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/failure"
)

func TestTableVersionsAreNotKeptForEver(t *testing.T) {
	f := newForge("binlog.000003", 4, false)
	write := func(name string) {
		f.begin()
		f.tableMap(8, "used")
		f.tableMap(7, name)
		f.rows(8, 1)
		f.rows(7, 1)
		f.commit()
	}
	write("first")
	for i := range mysql.MostVersions {
		write(fmt.Sprintf("t%d", i))
	}
	write("first")
	write("first")
	stream := f.open(t, "gtid:", "")
	announced := map[string]int{}
	for {
		var u event.Unit
		if err := stream.Next(t.Context(), &u); err != nil {
			if !failure.Retryable(err) {
				t.Errorf("got %v, want the end of the connection", err)
			}
			break
		}
		for _, table := range u.Tables {
			announced[table.Name]++
		}
	}
	for name, want := range map[string]int{"used": 1, "first": 2, "t0": 1} {
		if got := announced[name]; got != want {
			t.Errorf("%s was announced %d times, want %d", name, got, want)
		}
	}
}
