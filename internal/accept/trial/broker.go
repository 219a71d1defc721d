package trial

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tailrace/tailrace/internal/servers"
	"github.com/tailrace/tailrace/internal/servers/local"
)

// A broker is the trial's own. It goes down now and then and comes back in the
// background.
type broker struct {
	server *local.Kafka
	falls  int
	rising chan error // what became of the last start; nil if that is known
}

// startBroker starts one whose topics have several partitions.
func startBroker(ctx context.Context) (*broker, error) {
	server, err := servers.StartKafka(ctx, map[string]string{"num.partitions": "4"})
	if err != nil {
		return nil, err
	}
	return &broker{server: server}, nil
}

// fall ends the broker, by SIGKILL and in an orderly way by turns, and begins to
// start it again a moment later.
func (b *broker) fall(ctx context.Context, r *rand.Rand) error {
	if err := b.up(); err != nil {
		return err
	}
	b.falls++
	var err error
	if b.falls%2 == 1 {
		err = b.server.Kill()
	} else {
		err = b.server.Stop(ctx)
	}
	if err != nil {
		return err
	}
	moment := time.Duration(r.IntN(500)) * time.Millisecond
	rising := make(chan error, 1)
	b.rising = rising
	go func() {
		up := context.WithoutCancel(ctx) // what it holds explains a failure
		err := errors.Join(wait(up, moment), b.server.Start(up))
		if err != nil {
			err = b.server.Start(up) // a busy machine may miss the limit of one start
		}
		rising <- err
	}()
	return nil
}

// up waits until the broker takes requests.
func (b *broker) up() error {
	if b.rising == nil {
		return nil
	}
	err := <-b.rising
	b.rising = nil
	return err
}

func (b *broker) close() error { return errors.Join(b.up(), b.server.Close()) }
