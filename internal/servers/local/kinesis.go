package local

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Kinesis is a stand-in for Amazon Kinesis that belongs to this program. It goes
// away, with all of its data, at Close or when the program ends in whatever way.
// Its methods may be called from any goroutine, one at a time.
//
// After Stop or Kill and Start, Kinesalite has what it acknowledged; KinesisLocal
// has forgotten its streams, as if somebody had deleted them.
type Kinesis struct {
	KinesisAddress
	*instance

	mark string // by which it is known
}

// StartKinesis starts a stand-in without streams. It takes a second, and once per
// machine as long as the download. The context bounds only the start.
func StartKinesis(ctx context.Context, product KinesisProduct) (*Kinesis, error) {
	k := &Kinesis{KinesisAddress: KinesisAddress{Product: product}, mark: newKinesisMark()}
	switch product {
	case KinesisLocal:
		k.Version = kinesisLocalVersion
	case Kinesalite:
		k.Version = kinesaliteVersion
	default:
		return nil, fmt.Errorf("start %s: only %v are known", product, KinesisProducts())
	}
	cache, err := installedKinesis(ctx)
	if err != nil {
		return nil, err
	}
	if k.instance, err = newInstance(string(product), string(product)); err != nil {
		return nil, err
	}
	k.greet = k.isOurs
	// Its command line must name its own folder, by which the guard knows it.
	program := filepath.Join(k.dir, "program")
	if err := os.Symlink(filepath.Join(cache, "node_modules", string(product)), program); err != nil {
		return nil, errors.Join(fmt.Errorf("make the folder of %s: %w", product, err), k.Close())
	}
	if err := k.firstStart(ctx, func() error { return k.listen(program) }); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// firstStart is that of other servers for a program that Node runs, which has
// other words for a port that another was quicker to take.
func (k *Kinesis) firstStart(ctx context.Context, listen func() error) error {
	for attempt := 1; ; attempt++ {
		if err := listen(); err != nil {
			return err
		}
		err := k.Start(ctx)
		if err == nil || attempt == 5 || !strings.Contains(err.Error(), "EADDRINUSE") {
			return err
		}
	}
}

// newKinesisMark returns an account's number.
func newKinesisMark() string {
	digits := make([]byte, 12)
	crand.Read(digits) // never fails
	for i, b := range digits {
		digits[i] = '0' + b%10
	}
	return string(digits)
}

// kinesisTakes is how many milliseconds a stream is in a state that it leaves by
// itself: long enough to be seen, short for tests.
const kinesisTakes = "100"

// listen gives the stand-in ports that are free.
func (k *Kinesis) listen(program string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	k.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", port)
	if k.Product == Kinesalite {
		k.command = []string{
			"env", "AWS_ACCOUNT_ID=" + k.mark, "AWS_REGION=" + kinesisRegion,
			"node", filepath.Join(program, "cli.js"),
			"--port", strconv.Itoa(port),
			"--path", filepath.Join(k.dir, "data"),
			"--shardLimit", "100000",
			"--createStreamMs", kinesisTakes, "--deleteStreamMs", kinesisTakes, "--updateStreamMs", kinesisTakes,
		}
		return nil
	}
	tls, err := freePort() // it insists on one
	if err != nil {
		return err
	}
	k.command = []string{
		"env", "AWS_ACCOUNT_ID=" + k.mark, "AWS_REGION=" + kinesisRegion,
		"KINESIS_MOCK_PLAIN_PORT=" + strconv.Itoa(port), "KINESIS_MOCK_TLS_PORT=" + strconv.Itoa(tls),
		"KINESIS_MOCK_CERT_PATH=" + filepath.Join(program, "server.json"),
		"INITIALIZE_STREAMS=" + k.markStream() + ":1",
		"SHARD_LIMIT=100000", "ON_DEMAND_STREAM_COUNT_LIMIT=1000", "LOG_LEVEL=ERROR",
	}
	for _, change := range []string{
		"CREATE_STREAM", "DELETE_STREAM", "MERGE_SHARDS", "SPLIT_SHARD", "UPDATE_SHARD_COUNT", "UPDATE_STREAM_MODE",
	} {
		k.command = append(k.command, change+"_DURATION="+kinesisTakes+"ms")
	}
	k.command = append(k.command, "node", filepath.Join(program, "main.js"))
	return nil
}

func (k *Kinesis) markStream() string { return "mark-" + k.mark }

// isOurs asks the stand-in who it is: on a port that another was quicker to take,
// that one answers. Kinesalite says the number of its account with what it does not
// find; KinesisLocal has a stream from the beginning.
func (k *Kinesis) isOurs(ctx context.Context) error {
	_, err := k.status(ctx, k.markStream())
	switch {
	case k.Product == KinesisLocal && err == nil:
		return nil
	case k.Product == Kinesalite && notFound(err) && strings.Contains(err.Error(), "under account "+k.mark):
		return nil
	case err == nil || notFound(err):
		return errors.New("connect: another program has the port")
	}
	return fmt.Errorf("connect: %w", err)
}

// Close ends the stand-in in whatever state it is and removes its folder. It must
// be called once.
func (k *Kinesis) Close() error { return k.closeAtOnce() }
