package kafka

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tailrace/tailrace/checkpoint"
	"github.com/tailrace/tailrace/internal/failure"
)

// The keys of the topic's records.
const (
	keyState = "state"
	keyClaim = "claim"
	keyAlive = "alive" // the value is the id of the owner's claim
)

// A claim says who holds the pipeline. The last one counts.
type claim struct {
	ID         string `json:"id"` // random, of one Acquire
	Generation uint64 `json:"generation"`
	Released   bool   `json:"released"` // the owner has given the pipeline back

	Host    string `json:"host"`
	Process int    `json:"process"`
	// What tells the process from all others that had its number: the boot of
	// the machine, the namespace of the number, and the clock ticks from the boot
	// to the process's start. "" where the system does not say.
	Boot      string `json:"boot,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Started   string `json:"started,omitempty"`
}

// newClaim returns a claim of this process without a generation.
func newClaim() *claim {
	var id [16]byte
	rand.Read(id[:])
	c := &claim{ID: hex.EncodeToString(id[:]), Process: os.Getpid()}
	c.Host, _ = os.Hostname() // "" is as good as another name
	c.Boot, c.Namespace, c.Started = describeProcess()
	return c
}

func decodeClaim(text []byte) (*claim, error) {
	c := new(claim)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, err
	}
	if c.ID == "" {
		return nil, errors.New("it has no id")
	}
	return c, nil
}

func (c *claim) encode() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("checkpoint/kafka: encode a claim: %v", err))
	}
	return text
}

func (c *claim) generation() uint64 {
	if c == nil {
		return 0
	}
	return c.Generation
}

// ended reports whether the owner's process is known to have ended: it was one
// of this host.
func (c *claim) ended() bool {
	me := newClaim()
	return c.Boot != "" && c.Boot == me.Boot && c.Namespace == me.Namespace && c.Host == me.Host &&
		c.Process > 0 && processEnded(c.Process, c.Started)
}

func (c *claim) owner() string {
	return fmt.Sprintf("process %d on host %q", c.Process, c.Host)
}

func fenced(format string, args ...any) error {
	return fmt.Errorf("%w: %w", checkpoint.ErrFenced,
		failure.Fenced("stop the other instance, or give this one another name with --name", format, args...))
}
