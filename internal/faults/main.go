// The faults command holds Tailrace to its promises while the broker that it
// publishes to freezes, dies and comes back: the real binary, a real database
// under steady load, real brokers.
//
//	make faults
//
// prints a line per scenario and ends with 0, or ends with 1 and the first promise
// that was broken. What was sent is verified as `make accept` does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	seed        uint64
	frozen      time.Duration // how long a broker is frozen; others follow from it
	rate        int           // row changes per second
	memory      int           // of --memory, in MiB
	exactlyOnce bool
	binary      string
	out         io.Writer
}

// shortest is the least -seconds: some faults last half of it, and what they do is
// looked at from their tenth second on.
const shortest = 40

func run(ctx context.Context, args []string, out io.Writer) error {
	o := options{out: out}
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what rows, transactions and cuts follow from")
	seconds := flags.Int("seconds", 120, "how long a broker is frozen; the other faults last half as long")
	flags.IntVar(&o.rate, "rate", 1000, "row changes per second")
	flags.IntVar(&o.memory, "memory", 16, "what the daemon may hold, in MiB")
	flags.BoolVar(&o.exactlyOnce, "exactly-once", false, "publish in transactions, and read what is committed")
	flags.StringVar(&o.binary, "binary", "bin/tailrace", "the program that is tried")
	only := flags.String("only", letters(), "scenarios")
	on := flags.String("on", "postgres,mysql", "databases, where a scenario is played on both")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *seconds < shortest {
		return fmt.Errorf("-seconds: got %d, want %d at least", *seconds, shortest)
	}
	o.frozen = time.Duration(*seconds) * time.Second
	fmt.Fprintf(out, "seed %d (repeat with -seed %[1]d)\n", o.seed)
	var failed []error
	for letter := range strings.SplitSeq(*only, ",") {
		s, err := find(letter)
		if err != nil {
			return fmt.Errorf("-only: %w", err)
		}
		for _, database := range s.databases {
			if !slices.Contains(strings.Split(*on, ","), database) {
				continue
			}
			err := o.play(ctx, s, database)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				err = fmt.Errorf("%s, %s: %s: %w", s.letter, database, s.title, err)
				fmt.Fprintln(out, "BROKEN", err)
				failed = append(failed, err)
			}
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d broken, with seed %d:\n%w", len(failed), o.seed, errors.Join(failed...))
	}
	fmt.Fprintln(out, "nothing lost, nothing reordered, nothing altered; memory was bounded, and the database's connection held")
	return nil
}

// A scenario is a fault and what is to hold while it lasts.
type scenario struct {
	letter, title string
	databases     []string
	start         func(context.Context, *options) (*brokers, error)
	play          func(context.Context, *stage) error

	// lasts is how long play takes at most when all is well, without the time to
	// catch up.
	lasts func(*options) time.Duration

	// begins is whether the first broker is dead when Tailrace starts, which then has
	// made no topic.
	begins bool
}

func scenarios() []scenario {
	both, one := []string{"postgres", "mysql"}, []string{"postgres"}
	half := func(o *options) time.Duration { return o.frozen / 2 }
	return []scenario{
		{letter: "a", title: "a broker is frozen", databases: both, start: alone, play: frozen, lasts: func(o *options) time.Duration { return o.frozen }},
		{letter: "b", title: "all connections are cut each second, then the broker is killed again and again", databases: both, start: alone, play: comesBack, lasts: func(o *options) time.Duration { return o.frozen + time.Minute }},
		{letter: "c", title: "each of three brokers is killed and comes back", databases: one, start: three, play: inTurn, lasts: func(*options) time.Duration { return 3 * time.Minute }},
		{letter: "d", title: "two of three brokers are away", databases: one, start: three, play: tooFew, lasts: half},
		{letter: "e", title: "every connection dies after 0.5 to 1.5 s", databases: one, start: alone, play: chaos, lasts: half},
		{letter: "f", title: "topics are made while one of three brokers is away", databases: one, start: three, play: late, lasts: half, begins: true},
	}
}

func letters() string {
	var all []string
	for _, s := range scenarios() {
		all = append(all, s.letter)
	}
	return strings.Join(all, ",")
}

func find(letter string) (scenario, error) {
	for _, s := range scenarios() {
		if s.letter == letter {
			return s, nil
		}
	}
	return scenario{}, fmt.Errorf("%q is none of %s", letter, letters())
}
