package kinesis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// A putRecords is the body of a PutRecords.
type putRecords struct {
	Records    []record
	StreamName string `json:",omitempty"`
	StreamARN  string `json:",omitempty"`
	StreamID   string `json:"StreamId,omitempty"`
}

type record struct {
	Data            json.RawMessage // base64, in quotes
	ExplicitHashKey string          `json:",omitempty"`
	PartitionKey    string
}

// readPut returns nil for what is none.
func readPut(body []byte) *putRecords {
	put := &putRecords{}
	if err := json.Unmarshal(body, put); err != nil {
		return nil
	}
	return put
}

// stream returns the name of the stream, which is also the end of its ARN.
func (put *putRecords) stream() string {
	if put.StreamName != "" {
		return put.StreamName
	}
	return put.StreamARN[strings.LastIndexByte(put.StreamARN, '/')+1:]
}

// size returns the bytes of a record as Kinesis counts them.
func (r *record) size() int {
	text := bytes.TrimRight(bytes.Trim(r.Data, `"`), "=")
	return len(text)*3/4 + len(r.PartitionKey)
}

// A result is what an answer says of one record.
type result struct {
	SequenceNumber string `json:",omitempty"`
	ShardID        string `json:"ShardId,omitempty"`
	ErrorCode      string `json:",omitempty"`
	ErrorMessage   string `json:",omitempty"`
}

// results is the body of an answer to a PutRecords.
type results struct {
	EncryptionType    string `json:",omitempty"`
	FailedRecordCount int
	Records           []result
}

// refuse returns the answer to a call over a limit, or nil.
func (l Limits) refuse(put *putRecords) *answer {
	bytes := 0
	for i := range put.Records {
		size := put.Records[i].size()
		bytes += size
		if l.BytesPerRecord > 0 && size > l.BytesPerRecord {
			return refusal(http.StatusBadRequest, "ValidationException", fmt.Sprintf(
				"1 validation error detected: Value at 'records.%d.member.data' failed to satisfy constraint: "+
					"Member must have length less than or equal to %d", i+1, l.BytesPerRecord))
		}
	}
	switch {
	case l.RecordsPerCall > 0 && len(put.Records) > l.RecordsPerCall:
		return refusal(http.StatusBadRequest, "ValidationException", fmt.Sprintf(
			"1 validation error detected: Value at 'records' failed to satisfy constraint: "+
				"Member must have length less than or equal to %d", l.RecordsPerCall))
	case l.BytesPerCall > 0 && bytes > l.BytesPerCall:
		return refusal(http.StatusBadRequest, "InvalidArgumentException", fmt.Sprintf(
			"Records size exceeds %.4g MB limit", float64(l.BytesPerCall)/(1<<20)))
	}
	return nil
}

// put passes on what is left of a PutRecords, and joins what the target says of that
// with what happened to the others.
func (p *Proxy) put(c *call, put *putRecords) (*answer, error) {
	shards := p.shards(c, put)
	failed := p.sift(put, shards)
	body, left := c.body, *put
	if failed != nil {
		left.Records = nil
		for i, r := range put.Records {
			if failed[i].ErrorCode == "" {
				left.Records = append(left.Records, r)
			}
		}
		var err error
		if body, err = json.Marshal(left); err != nil {
			return nil, err
		}
	}
	all := results{Records: failed}
	if failed != nil && len(left.Records) == 0 {
		all.FailedRecordCount = len(failed)
		return jsonAnswer(http.StatusOK, http.Header{}, all), nil
	}
	a, err := p.forward(c, body)
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	var theirs results
	if err := json.Unmarshal(a.body, &theirs); err != nil {
		return nil, fmt.Errorf("read the target's answer: %w", err)
	}
	if len(theirs.Records) != len(left.Records) {
		return nil, fmt.Errorf("read the target's answer: it has %d records, want %d", len(theirs.Records), len(left.Records))
	}
	p.took(left.Records, theirs.Records)
	p.learn(put, shards, failed, theirs.Records)
	if failed == nil {
		return a, nil
	}
	all.EncryptionType = theirs.EncryptionType
	next := 0
	for i := range all.Records {
		if all.Records[i].ErrorCode == "" {
			all.Records[i] = theirs.Records[next]
			next++
		}
		if all.Records[i].ErrorCode != "" {
			all.FailedRecordCount++
		}
	}
	return jsonAnswer(http.StatusOK, a.header, all), nil
}

// sift returns the results of the records that are not passed on, at their places,
// or nil if all are. shards holds the shard of each record, or is nil where no rate
// is limited.
func (p *Proxy) sift(put *putRecords, shards []string) []result {
	p.mu.Lock()
	defer p.mu.Unlock()
	var failed []result
	fail := func(i int, code, message string) {
		if failed == nil {
			failed = make([]result, len(put.Records))
		}
		failed[i] = result{ErrorCode: code, ErrorMessage: message}
	}
	for i := range put.Records {
		id := "shardId-000000000000"
		if shards != nil {
			id = shards[i]
		}
		exceeded := fmt.Sprintf("Rate exceeded for shard %s in stream %s under account 000000000000.", id, put.stream())
		switch {
		case p.random.Float64() < p.rules.drop:
			p.seen.Dropped++
			if p.seen.Dropped%3 == 0 {
				fail(i, "InternalFailure", "Internal service failure.")
			} else {
				fail(i, throughputExceeded, exceeded)
			}
		case !p.take(put.stream(), shards, i, put.Records[i].size()):
			p.seen.Throttled++
			fail(i, throughputExceeded, exceeded)
		}
	}
	return failed
}

const throughputExceeded = "ProvisionedThroughputExceededException"
