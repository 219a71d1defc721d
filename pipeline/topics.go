package pipeline

import (
	"slices"
	"sync"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/internal/murmur2"
	"github.com/tailrace/tailrace/publish"
	"github.com/tailrace/tailrace/schema"
)

// topics makes each topic once, so that pointers identify them for as long as
// the pipeline lives.
type topics struct {
	name    func(db, schema, table string) string
	taken   []string       // names that no table's topic may have
	ends    *publish.Topic // transaction END markers
	marks   *publish.Topic // progress
	docs    *publish.Topic // schema documents
	control *publish.Topic // truncates, or nil if they go to their table's topic
	counts  *tableCounts

	mu   sync.Mutex
	data map[string]*publish.Topic
}

func (t *topics) init(p *Pipeline) {
	t.name, t.taken, t.counts = p.TopicName, p.Taken, &p.Stats.tables
	t.ends = &publish.Topic{Name: p.Name + ".transactions", Channel: publish.Transactions}
	t.marks = &publish.Topic{Name: p.Name + ".progress", Channel: publish.Progress}
	t.docs = &publish.Topic{Name: p.Name + ".schemas", Channel: publish.Schemas}
	if p.Control {
		t.control = &publish.Topic{Name: p.Name + ".control", Channel: publish.Control}
	}
	t.data = make(map[string]*publish.Topic)
}

// A route is where the events of a table version go.
type route struct {
	topic   *publish.Topic
	counts  *tableCount
	hash    uint32 // of the table's name
	columns []int  // of ByColumns, from the table's first row on
}

// route may be called from any worker. A table whose events would be among other
// records is a Stop.
func (t *topics) route(table *schema.Table) (route, error) {
	name := t.name(table.Database, table.Namespace(), table.Name)
	if slices.Contains(t.taken, name) {
		return route{}, failure.Stop("name more in publish.topic, as {schema}, or exclude the table",
			"the events of table %s would go to topic %s, which is for other records", table, name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	topic := t.data[name]
	if topic == nil {
		topic = &publish.Topic{Name: name, Channel: publish.Data}
		t.data[name] = topic
	}
	return route{topic: topic, counts: t.counts.of(table), hash: murmur2.Sum([]byte(table.String()))}, nil
}
