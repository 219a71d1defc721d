package kinesis_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	fault "github.com/tailrace/tailrace/internal/fault/kinesis"
)

// BenchmarkProxy passes calls of 5 MB on, of which each is written anew because
// records are dropped, and each record's shard is found.
func BenchmarkProxy(b *testing.B) {
	p := listen(b, bottomless(b))
	p.Drop(0.1)
	p.Limit(fault.Limits{BytesPerSecond: 1e9, RecordsPerSecond: 1e9})
	const records, size = 100, 50_000
	data := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", size)))
	texts := make([]string, records)
	for i := range texts {
		texts[i] = fmt.Sprintf(`{"Data":%q,"ExplicitHashKey":"%d","PartitionKey":"k"}`, data, i)
	}
	body := `{"Records":[` + strings.Join(texts, ",") + `],"StreamName":"s"}`
	b.SetBytes(records * size)
	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, p.Endpoint(), strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "Kinesis_20131202.PutRecords")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			b.Fatalf("put records: got %s", answer.Status)
		}
	}
}
