package local

// A KinesisProduct is a stand-in for Amazon Kinesis that StartKinesis knows.
// Neither throttles: a proxy of internal/fault/kinesis in front of it does.
type KinesisProduct string

const (
	// KinesisLocal knows today's API, sizes of records above 1 MiB among it. Too large
	// a record fails by itself there, a call may have more than 500, and it says what
	// is the largest only once that was set. It stores 1,500 records a second.
	KinesisLocal KinesisProduct = "kinesis-local"
	// Kinesalite stores ten times as many, refuses calls above 500 records and
	// 7 MiB, and has no record above 1 MiB. A client that breaks off in the middle
	// of a request may end it: who kills clients puts the proxy in front.
	Kinesalite KinesisProduct = "kinesalite"
)

// KinesisProducts returns all products.
func KinesisProducts() []KinesisProduct {
	return []KinesisProduct{KinesisLocal, Kinesalite}
}

// A KinesisAddress says where a running stand-in for Kinesis is. It is plain data:
// the owner of a test run sends it to the tests as JSON. Its methods may be called
// from any goroutine.
type KinesisAddress struct {
	Product  KinesisProduct `json:"product"`
	Version  string         `json:"version"`  // "3.3.3"
	Endpoint string         `json:"endpoint"` // http://127.0.0.1:port
}

// What every stand-in is told; neither looks at more than that it is there.
const (
	kinesisRegion = "us-east-1"
	kinesisKey    = "AKIDTEST"
	kinesisSecret = "test-secret"
)

// KinesisEnvironment returns the variables by which a program that uses AWS's SDK
// may talk to a stand-in.
func KinesisEnvironment() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + kinesisKey,
		"AWS_SECRET_ACCESS_KEY=" + kinesisSecret,
		"AWS_REGION=" + kinesisRegion,
		// Not even on a machine of Amazon's is anybody else asked.
		"AWS_EC2_METADATA_DISABLED=true",
	}
}
