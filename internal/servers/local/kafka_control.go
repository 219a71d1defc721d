package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Start starts a broker that Stop or Kill ended, on the same ports with the same
// data and settings, and returns when it takes requests. After Kill that is not
// before the killed broker's session is over, which takes three seconds more.
func (k *Kafka) Start(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run != nil {
		return errors.New("start Kafka: it is running")
	}
	log, err := os.OpenFile(k.logPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of Kafka: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(k.command[0], k.command[1:]...)
	cmd.Dir = k.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = k.attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Kafka: %w", err)
	}
	r := &run{cmd: cmd, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in the log, which answers quote
		close(r.gone)
	}()
	if err := k.ready(ctx, r); err != nil {
		err = errors.Join(err, signal(cmd.Process.Pid, syscall.SIGKILL))
		<-r.gone
		return err
	}
	k.run = r
	return nil
}

// ready waits until the broker takes requests.
func (k *Kafka) ready(ctx context.Context, r *run) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := k.greet(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-r.gone:
			return fmt.Errorf("start Kafka: it ended: %s", k.Log())
		case <-ctx.Done():
			return fmt.Errorf("start Kafka: %w: %w: %s", ctx.Err(), err, k.Log())
		}
	}
}

// greet asks the broker who it is: on a port that another was quicker to take,
// that one answers. It is a broker for clients only once the controller, which is
// itself, lets it in; till then it is not in its own answer.
func (k *Kafka) greet(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Plain), kgo.RequestRetries(0))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer client.Close()
	answer, err := kadm.NewClient(client).BrokerMetadata(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("connect: %w", err)
	case answer.Cluster != k.ClusterID:
		return fmt.Errorf("connect: the cluster %s has the port", answer.Cluster)
	case len(answer.Brokers) == 0:
		return errors.New("connect: the broker is not let in yet")
	}
	return nil
}

// Stop shuts the broker down in an orderly way, as its service would.
func (k *Kafka) Stop(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run == nil {
		return errors.New("stop Kafka: it is not running")
	}
	if err := k.run.end(ctx, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop Kafka: %w: %s", err, k.Log())
	}
	k.run = nil
	return nil
}

// Kill ends the broker at once with SIGKILL, as a crash would. Start brings it
// back with all that was acknowledged.
func (k *Kafka) Kill() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run == nil {
		return errors.New("kill Kafka: it is not running")
	}
	if err := signal(k.run.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		return err
	}
	<-k.run.gone
	k.run = nil
	return nil
}

// Freeze stops the broker with SIGSTOP: connections stay open and nobody answers.
func (k *Kafka) Freeze() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run == nil {
		return errors.New("freeze Kafka: it is not running")
	}
	if err := signal(k.run.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		return err
	}
	return waitStopped(k.run.cmd.Process.Pid)
}

// Thaw lets a frozen broker go on. One that was frozen for longer than its session
// is without leaders for a moment.
func (k *Kafka) Thaw() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.run == nil {
		return errors.New("thaw Kafka: it is not running")
	}
	return signal(k.run.cmd.Process.Pid, syscall.SIGCONT)
}

// Log returns the end of the broker's log since its last start: warnings, errors
// and what ended it.
func (k *Kafka) Log() string {
	return tail(k.logPath())
}

func (k *Kafka) logPath() string {
	return filepath.Join(k.dir, "log")
}
