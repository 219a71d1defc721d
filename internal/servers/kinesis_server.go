package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/tailrace/tailrace/internal/servers/local"
)

// A KinesisServer is a stand-in for Amazon Kinesis. Its methods that take a test
// end it when they fail and must be called on its goroutine; those of the address,
// which take a context, are for programs too.
type KinesisServer struct {
	local.KinesisAddress

	lasts bool // longer than the test
}

// A KinesisRecord is a record as a consumer gets it.
type KinesisRecord = local.KinesisRecord

// Kinesis returns a shared stand-in. Each test has streams of its own there.
func Kinesis(t testing.TB, product local.KinesisProduct) *KinesisServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	s := &KinesisServer{lasts: true}
	if err := shared(ctx, "kinesis/"+string(product), &s.KinesisAddress); err != nil {
		t.Fatal(err)
	}
	return s
}

// A KinesisOfTest is a stand-in that belongs to one test, which may do anything to
// it. What it has after a restart depends on the product: see local.Kinesis.
type KinesisOfTest struct {
	KinesisServer
	controls
}

// NewKinesis starts a stand-in for this test alone and removes it when the test
// ends. It takes a second: tests that need no restart use Kinesis.
func NewKinesis(t testing.TB, product local.KinesisProduct) *KinesisOfTest {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), firstLimit)
	defer cancel()
	k, err := StartKinesis(ctx, product)
	if err != nil {
		t.Fatalf("start %s: %v", product, err)
	}
	return &KinesisOfTest{KinesisServer{KinesisAddress: k.KinesisAddress}, control(t, k)}
}

// StartKinesis is Start for a stand-in for Kinesis.
func StartKinesis(ctx context.Context, product local.KinesisProduct) (*local.Kinesis, error) {
	return local.StartKinesis(ctx, product)
}

// KinesisProducts returns the stand-ins that tests run on, for tables of tests.
func KinesisProducts() []local.KinesisProduct { return local.KinesisProducts() }

// KinesisEnvironment returns the variables by which a program that uses AWS's SDK
// may talk to any stand-in.
func KinesisEnvironment() []string { return local.KinesisEnvironment() }

// Stream makes a stream with a name that no other has and returns the name when it
// is active. It is deleted when the test ends, if it is still there.
func (s *KinesisServer) Stream(t testing.TB, shards int) string {
	t.Helper()
	name := fmt.Sprintf("t-%016x", rand.Uint64())
	within(t, func(ctx context.Context) error { return s.CreateStream(ctx, name, shards) })
	if !s.lasts {
		return name // it goes with the server
	}
	t.Cleanup(func() {
		// The test's own context has ended.
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		var gone *types.ResourceNotFoundException
		if err := s.DeleteStream(ctx, name); err != nil && !errors.As(err, &gone) {
			t.Errorf("delete the stream of the test: %v", err)
		}
	})
	return name
}

// Delete deletes a stream and returns when it is gone.
func (s *KinesisServer) Delete(t testing.TB, stream string) {
	t.Helper()
	within(t, func(ctx context.Context) error { return s.DeleteStream(ctx, stream) })
}

// Split splits an open shard in the middle of its hash range and returns when its
// children take records.
func (s *KinesisServer) Split(t testing.TB, stream, shard string) {
	t.Helper()
	within(t, func(ctx context.Context) error { return s.KinesisAddress.Split(ctx, stream, shard) })
}

// Merge merges two open shards, of which the second begins where the first ends,
// and returns when their child takes records.
func (s *KinesisServer) Merge(t testing.TB, stream, first, second string) {
	t.Helper()
	within(t, func(ctx context.Context) error { return s.KinesisAddress.Merge(ctx, stream, first, second) })
}

// Grow sets how large a record may be, 1,024 to 10,240 KiB. Only local.KinesisLocal
// has such a call.
func (s *KinesisServer) Grow(t testing.TB, stream string, maxRecordKiB int) {
	t.Helper()
	within(t, func(ctx context.Context) error { return s.KinesisAddress.Grow(ctx, stream, maxRecordKiB) })
}

// OpenShards returns the ids of the shards that take records, in the order of their
// hash ranges: two that follow each other can be merged.
func (s *KinesisServer) OpenShards(t testing.TB, stream string) (ids []string) {
	t.Helper()
	within(t, func(ctx context.Context) (err error) {
		ids, err = s.KinesisAddress.OpenShards(ctx, stream)
		return err
	})
	return ids
}

// Consume returns the records of all shards, closed ones too, from the stream's
// beginning to at least where it ends at the time of the call. Those of a hash key
// are in order, through splits and merges.
func (s *KinesisServer) Consume(t testing.TB, stream string) (records []KinesisRecord) {
	t.Helper()
	within(t, func(ctx context.Context) (err error) {
		records, err = s.KinesisAddress.Consume(ctx, stream)
		return err
	})
	return records
}
