package main

import (
	"bufio"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A virtual machine's processors are taken away for others at times: what runs then
// is not to be compared with what runs before and after.
const (
	mostStolen = 0.05 // of the processors, while a program runs
	mostTries  = 5
)

// calmly does what is measured, anew while others had more of the processors than
// mostStolen meanwhile, and returns the calmest of its results.
func calmly[T any](do func() (T, error)) (T, error) {
	var calmest T
	least := math.Inf(1)
	for range mostTries {
		before, begin := stolen(), time.Now()
		got, err := do()
		if err != nil {
			return got, err
		}
		share := (stolen() - before).Seconds() / time.Since(begin).Seconds() / float64(runtime.NumCPU())
		if share < least {
			calmest, least = got, share
		}
		if share <= mostStolen {
			break
		}
		say("others had %.0f %% of the processors", 100*share)
	}
	return calmest, nil
}

// stolen returns for how long processors have been taken away, all together: the
// eighth number of the line cpu of /proc/stat, in hundredths of a second
// (proc_stat(5)). Where there is none, it is 0.
func stolen() time.Duration {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // it was only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if fields[0] == "cpu" && len(fields) > 8 {
			ticks, _ := strconv.Atoi(fields[8])
			return time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return 0
}
