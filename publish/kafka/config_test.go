package kafka_test

import (
	"strings"
	"testing"

	"github.com/tailrace/tailrace/internal/failure"
	"github.com/tailrace/tailrace/publish/kafka"
)

func TestACompressionThatIsUnknownIsRefusedBeforeAnyConnection(t *testing.T) {
	_, err := kafka.Open(t.Context(), kafka.Config{Cluster: at("broker.example:9092"), Compression: "gzip"})
	if failure.ExitCode(err) != failure.ExitUsage || !strings.Contains(err.Error(), "gzip") {
		t.Errorf("got error %v, want one of a wrong configuration that names it", err)
	}
}
