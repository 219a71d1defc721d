package pipeline_test

import (
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
)

// The simulation: a pipeline in a world that cuts its connections, stores half
// of what it is given, saves sometimes, and kills it, in fake time. A seed
// decides about everything but the scheduler.
//
// These are constants of a test run, set on its command line.
var (
	simSeed  = flag.Uint64("sim.seed", 0, "run only this seed of the simulation")
	simSeeds = flag.Uint64("sim.seeds", 3000, "how many seeds the simulation runs")
)

func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulate(t, *simSeed)
		return
	}
	const shards = 8
	for shard := range uint64(shards) {
		t.Run(fmt.Sprintf("shard %d of %d", shard, shards), func(t *testing.T) {
			t.Parallel()
			for seed := shard + 1; seed <= *simSeeds; seed += shards {
				if simulate(t, seed); t.Failed() {
					return
				}
			}
		})
	}
}

// simulate plays one world and tells what it violated.
func simulate(t *testing.T, seed uint64) {
	t.Helper()
	var w *world
	defer func() {
		if r := recover(); r != nil { // synctest's word for a deadlock
			t.Errorf("seed %d: %v", seed, r)
		}
		if t.Failed() {
			t.Logf("to repeat: go test ./pipeline -run TestSimulation -sim.seed=%d -count=100; %+v", seed, w.cfg)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, seed)
		w.play()
		for _, v := range w.violations {
			t.Errorf("seed %d: %s", seed, v)
		}
	})
}
