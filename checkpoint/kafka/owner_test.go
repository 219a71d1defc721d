package kafka_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tailrace/tailrace/checkpoint/kafka"
	"github.com/tailrace/tailrace/event"
	"github.com/tailrace/tailrace/internal/broker"
	"github.com/tailrace/tailrace/internal/failure"
)

// childPlace tells this test binary that it is an owner for others to deal with:
// brokers, pipeline and lease.
const childPlace = "TAILRACE_TEST_OWNER"

func TestMain(m *testing.M) {
	if place := os.Getenv(childPlace); place != "" {
		err := own(place)
		fmt.Println(err)
		os.Exit(failure.ExitCode(err))
	}
	os.Exit(m.Run())
}

// own acquires the pipeline and then saves each position that it reads.
func own(place string) error {
	words := strings.Fields(place)
	lease, err := time.ParseDuration(words[2])
	if err != nil {
		return err
	}
	s := kafka.New(kafka.Config{Pipeline: words[1], Lease: lease, Cluster: broker.Cluster{Brokers: words[:1]}})
	st, err := s.Acquire(context.Background())
	if err != nil {
		return err
	}
	fmt.Println("acquired")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		st.Position = event.Position(lines.Text())
		if err := s.Save(context.Background(), st); err != nil {
			return err
		}
		fmt.Println("saved")
	}
	return nil
}

// An owner is a process that holds the pipeline.
type owner struct {
	t       *testing.T
	process *exec.Cmd
	in      io.Writer
	out     *bufio.Scanner
}

func (p place) owner(t *testing.T, lease time.Duration) owner {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s", childPlace, p.cluster.Plain, p.pipeline, lease))
	in, err := process.StdinPipe()
	must(t, err)
	out, err := process.StdoutPipe()
	must(t, err)
	must(t, process.Start())
	o := owner{t, process, in, bufio.NewScanner(out)}
	t.Cleanup(o.kill)
	o.wantLine("acquired")
	return o
}

func (o owner) wantLine(want string) {
	o.t.Helper()
	if !o.out.Scan() || o.out.Text() != want {
		o.t.Fatalf("the owner said %q, want %q", o.out.Text(), want)
	}
}

func (o owner) save(position string) {
	o.t.Helper()
	o.ask(position)
	o.wantLine("saved")
}

func (o owner) ask(position string) {
	o.t.Helper()
	_, err := fmt.Fprintln(o.in, position)
	must(o.t, err)
}

func (o owner) signal(s os.Signal) {
	o.t.Helper()
	must(o.t, o.process.Process.Signal(s))
}

func (o owner) kill() {
	if o.process.ProcessState == nil {
		_ = o.process.Process.Kill()
		_ = o.process.Wait() // it was killed
	}
}

func TestAnOwnerThatLivesKeepsThePipeline(t *testing.T) {
	p := newPlace(t)
	o := p.owner(t, short)
	o.save(number(1))
	_, err := p.store(t, 10*short).Acquire(t.Context())
	wantFenced(t, err)
	host, _ := os.Hostname()
	for _, want := range []string{"process " + strconv.Itoa(o.process.Process.Pid), host} {
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got error %q, want %q in it", err, want)
		}
	}
	o.save(number(2))
	wantPosition(t, p.store(t, short), number(2))
}

func TestAProcessOfThisHostThatHasEndedIsNotWaitedFor(t *testing.T) {
	p := newPlace(t)
	o := p.owner(t, forever)
	o.save(number(1))
	o.kill()
	s := p.store(t, forever)
	st := acquire(t, s)
	if string(st.Position) != number(1) || st.Generation != 2 {
		t.Errorf("got position %s of generation %d, want %s of 2", st.Position, st.Generation, number(1))
	}
	save(t, s, st, number(2))
}

func TestAFrozenOwnerIsFencedAfterTheLeaseAndFindsThatOut(t *testing.T) {
	p := newPlace(t)
	o := p.owner(t, short)
	o.save(number(1))
	o.signal(syscall.SIGSTOP)
	core, logs := observer.New(zapcore.InfoLevel)
	s := storeAt(t, kafka.Config{
		Pipeline: p.pipeline, Lease: 2 * short, Log: zap.New(core),
		Cluster: broker.Cluster{Brokers: []string{p.cluster.Plain}},
	})
	start := time.Now()
	st := save(t, s, acquire(t, s), number(2))
	if took := time.Since(start); took < 2*short {
		t.Errorf("it was taken over after %v, want a lease of %v", took, 2*short)
	}
	if waiting := logs.FilterMessageSnippet("waiting").FilterField(zap.Int("process", o.process.Process.Pid)); waiting.Len() != 1 {
		t.Errorf("got log %v, want one line for whom it waits", logs.All())
	}

	o.ask(number(99))
	o.signal(syscall.SIGCONT)
	if !o.out.Scan() || !strings.Contains(o.out.Text(), fmt.Sprintf("taken over by process %d", os.Getpid())) {
		t.Errorf("the former owner said %q, want who has taken over", o.out.Text())
	}
	_ = o.process.Wait() // its exit code says more
	if got := o.process.ProcessState.ExitCode(); got != failure.ExitFenced {
		t.Errorf("the former owner exited with %d, want %d", got, failure.ExitFenced)
	}
	wantPosition(t, s, number(2))
	save(t, s, st, number(3))
}

func TestTheWaitForAnOwnerEndsWithItsContext(t *testing.T) {
	p := newPlace(t)
	o := p.owner(t, forever)
	o.signal(syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 2*short)
	defer cancel()
	start := time.Now()
	if _, err := p.store(t, forever).Acquire(ctx); err == nil || ctx.Err() == nil {
		t.Errorf("got error %v before the context ended, want one then", err)
	}
	if took := time.Since(start); took > limit {
		t.Errorf("it took %v", took)
	}
}

func TestAClaimThatWasNeverCommittedIsWaitedForAndThenPassedOver(t *testing.T) {
	p := newPlace(t)
	first := p.store(t, short)
	save(t, first, acquire(t, first), number(1))
	must(t, first.Close())
	half := p.cluster.Client(t, kgo.TransactionalID(p.pipeline))
	must(t, half.BeginTransaction())
	claim := []byte(`{"id":"of one that died","generation":7,"host":"elsewhere","process":7}`)
	must(t, half.ProduceSync(t.Context(), &kgo.Record{Topic: p.topic, Key: []byte("claim"), Value: claim}).FirstErr())
	start := time.Now()
	s := p.store(t, short)
	st := acquire(t, s)
	if took := time.Since(start); took < short || string(st.Position) != number(1) || st.Generation != 8 {
		t.Errorf("got position %s of generation %d after %v, want %s of 8 after %v", st.Position, st.Generation, took, number(1), short)
	}
	save(t, s, st, number(2))
}

// A rival that failed before it wrote its claim leaves the pipeline with its
// owner.
func TestARivalThatOnlyGotTheTransactionalIdEndsNothing(t *testing.T) {
	p := newPlace(t)
	s := p.store(t, short)
	st := save(t, s, acquire(t, s), number(1))
	p.fence(t)
	st = save(t, s, st, number(2))
	save(t, s, st, number(3))
	wantPosition(t, s, number(3))
}
