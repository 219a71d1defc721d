package kinesis

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"
)

// Config says which stream to publish to and how. Its zero values are the
// defaults, but for Stream.
type Config struct {
	// AWS has region, credentials and HTTP client.
	AWS aws.Config
	// Endpoint is where the service is, such as https://host:port; "" is where
	// the SDK finds it.
	Endpoint string
	Stream   string
	Packing  Packing
	// DeadLetter is the stream, of the same account and region, for events that
	// are larger than a record of Stream may be; "" makes such an event an error
	// of the class Stop.
	DeadLetter string
	// ByTable says that a table has one lane, so that what is for all lanes of a table
	// goes into that one.
	ByTable bool
	// AnswerLimit is how long a call may take before it is repeated; 0 is 10 s.
	// Calls of more than 1 MiB get as much again for each.
	AnswerLimit time.Duration
	Log         *zap.Logger // nil for none
}
