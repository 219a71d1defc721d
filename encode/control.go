package encode

import (
	"encoding/json"
	"strconv"

	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/quote"
	"github.com/tailrace/tailrace/schema"
)

// A Count is how many events of a transaction went to a topic.
type Count struct {
	Topic string
	Rows  uint64
}

// AppendEnd appends the END marker of a transaction (C8.1): its id, a ver
// behind all its events, its commit time, and the number of its events per
// topic.
func AppendEnd(dst []byte, epoch uint32, t *event.Txn, counts []Count) []byte {
	dst = append(dst, `{"id":`...)
	dst = AppendTxnID(dst, t)
	dst = append(dst, `,"ver":"`...)
	dst = event.Ver{Epoch: epoch, Commit: t.Commit, Event: event.EndEvent}.Append(dst)
	dst = append(dst, `","ts_ms":`...)
	dst = strconv.AppendInt(dst, t.Millis, 10)
	dst = append(dst, `,"counts":{`...)
	for i, c := range counts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = quote.AppendJSONString(dst, c.Topic)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, c.Rows, 10)
	}
	return append(dst, `}}`...)
}

// AppendProgress appends the progress record (C8.1): every event with a lower
// ver is published. millis is the source's clock at that place.
func AppendProgress(dst []byte, epoch uint32, bound uint64, millis int64) []byte {
	dst = append(dst, `{"ver":"`...)
	dst = event.Ver{Epoch: epoch, Commit: bound}.Append(dst)
	dst = append(dst, `","ts_ms":`...)
	dst = strconv.AppendInt(dst, millis, 10)
	return append(dst, '}')
}

// AppendSchema appends the document that a table_version names.
func AppendSchema(dst []byte, t *schema.Table) []byte {
	type column struct {
		Name string      `json:"name"`
		Type string      `json:"type"`
		Kind schema.Kind `json:"kind"`
		Wire string      `json:"wire"`
		Key  bool        `json:"key"`
	}
	doc := struct {
		Version  string   `json:"table_version"`
		Database string   `json:"db"`
		Schema   string   `json:"schema"`
		Table    string   `json:"table"`
		Columns  []column `json:"columns"`
		Key      []string `json:"key"`
	}{t.Version, t.Database, t.Schema, t.Name, make([]column, len(t.Columns)), make([]string, len(t.Key))}
	for i, c := range t.Columns {
		doc.Columns[i] = column{c.Name, c.Type, c.Kind, c.Wire, c.KeyFlag}
	}
	for i, k := range t.Key {
		doc.Key[i] = t.Columns[k].Name
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic("encode: marshal a struct of strings: " + err.Error())
	}
	return append(dst, text...)
}
