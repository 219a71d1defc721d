package gtid

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A GTID is one transaction of MariaDB: domain-server-sequence.
type GTID struct {
	Domain, Server uint32
	Sequence       uint64
}

// A List is a place in the log of a MariaDB: of each domain the last
// transaction, in the order of domains. nil is the beginning. One goroutine uses
// it at a time.
type List []GTID

// ParseList reads the text of a place as the server writes and takes it
// ("gtid_slave_pos" in MariaDB's documentation): 0-1-100,1-2-7, in any order and
// with white space around the parts.
func ParseList(text string) (List, error) {
	all, err := ParseGTIDs(text)
	if err != nil {
		return nil, err
	}
	var l List
	for _, g := range all {
		if _, ok := l.find(g.Domain); ok {
			return nil, fmt.Errorf("%.80q names domain %d twice", text, g.Domain)
		}
		l.Set(g.Domain, g.Server, g.Sequence)
	}
	return l, nil
}

// ParseGTIDs reads GTIDs of which several may be of one domain, as
// gtid_binlog_state has them.
func ParseGTIDs(text string) ([]GTID, error) {
	var all []GTID
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		fields := strings.Split(part, "-")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%.80q is not domain-server-sequence", part)
		}
		domain, err1 := strconv.ParseUint(fields[0], 10, 32)
		server, err2 := strconv.ParseUint(fields[1], 10, 32)
		sequence, err3 := strconv.ParseUint(fields[2], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("%.80q is not domain-server-sequence", part)
		}
		all = append(all, GTID{uint32(domain), uint32(server), sequence})
	}
	return all, nil
}

func (l List) find(domain uint32) (int, bool) {
	return slices.BinarySearchFunc(l, domain, func(g GTID, domain uint32) int { return cmp.Compare(g.Domain, domain) })
}

// Set makes a transaction the last one of its domain. It allocates only for a
// domain that is new.
func (l *List) Set(domain, server uint32, sequence uint64) {
	i, ok := l.find(domain)
	if !ok {
		*l = slices.Insert(*l, i, GTID{})
	}
	(*l)[i] = GTID{domain, server, sequence}
}

// Contains reports whether l is not before other in any domain.
func (l List) Contains(other List) bool {
	for _, o := range other {
		if i, ok := l.find(o.Domain); !ok || l[i].Sequence < o.Sequence {
			return false
		}
	}
	return true
}

// Append appends the text of l.
func (l List) Append(dst []byte) []byte {
	for i, g := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(g.Domain), 10)
		dst = strconv.AppendUint(append(dst, '-'), uint64(g.Server), 10)
		dst = strconv.AppendUint(append(dst, '-'), g.Sequence, 10)
	}
	return dst
}

// String returns what Append appends.
func (l List) String() string { return string(l.Append(nil)) }

// String returns domain-server-sequence.
func (g GTID) String() string { return List{g}.String() }

// Empty reports whether l is the beginning.
func (l List) Empty() bool { return len(l) == 0 }

// Clone returns a list that shares nothing with l.
func (l List) Clone() List { return slices.Clone(l) }
