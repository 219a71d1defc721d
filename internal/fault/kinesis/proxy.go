package kinesis

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Proxy passes calls on to a stand-in for Kinesis, and does to them what it is
// told. Its methods may be called from any goroutine.
type Proxy struct {
	target   string
	endpoint string
	server   http.Server
	client   http.Client
	ctx      context.Context // ends with Close; what is forwarded outlives its client
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	rules   rules
	thawed  chan struct{} // closed while nothing is frozen
	random  *rand.Rand
	routes  map[string][]shard // by stream; a missing one is asked for
	buckets map[string]*bucket // by what they limit
	seen    Observed
	broken  []string         // what Violations returns
	flying  map[string]*call // by hash key: calls without an answer
}

// Listen makes a proxy on a loopback port in front of the stand-in at target, an
// http URL. What is random follows from seed. The caller closes it.
func Listen(seed uint64, target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("make a proxy: %w", err)
	}
	p := &Proxy{
		target:   strings.TrimSuffix(target, "/"),
		endpoint: "http://" + l.Addr().String(),
		thawed:   make(chan struct{}),
		random:   rand.New(rand.NewPCG(seed, 3)),
		routes:   make(map[string][]shard),
		buckets:  make(map[string]*bucket),
		flying:   make(map[string]*call),
		rules:    newRules(),
	}
	close(p.thawed)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	// The stand-ins close what was idle for five seconds: a call that meets that would
	// be lost, and nobody knew whether it was carried out.
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 2 * time.Second, DisableCompression: true}
	p.server.Handler = p
	p.running.Go(func() { _ = p.server.Serve(l) }) // ends with Close
	return p, nil
}

// Endpoint returns the URL where the proxy listens.
func (p *Proxy) Endpoint() string { return p.endpoint }

// Close ends the proxy and all connections, and returns when nothing of them is
// left.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	err := p.server.Close()
	p.running.Wait()
	p.client.CloseIdleConnections()
	return err
}

// ServeHTTP takes one call.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	p.running.Add(1)
	p.mu.Unlock()
	defer p.running.Done()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone in the middle
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c := &call{
		operation: operation, header: r.Header, body: body, client: r.Context(),
		over: make(chan struct{}),
	}
	// A client that has gone away waits for no answer.
	stop := context.AfterFunc(r.Context(), func() { p.end(c, true) })
	defer stop()
	a := p.answer(c)
	if a == nil || !p.thaw(c) {
		p.end(c, true)
		panic(http.ErrAbortHandler) // cuts the connection
	}
	// Before the answer: behind it the client may send the next one.
	p.end(c, false)
	now, _ := p.now()
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Date", time.Now().Add(now.skew).UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Length", fmt.Sprint(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

// answer returns what the client is told, nil for nothing.
func (p *Proxy) answer(c *call) *answer {
	var put *putRecords
	if c.operation == "PutRecords" {
		// What can't be read is the target's to refuse.
		if put = readPut(c.body); put != nil {
			p.look(c, put)
		}
	}
	if !p.thaw(c) {
		return nil
	}
	if a := p.gate(c, put); a != nil {
		return a
	}
	forward := p.pass
	if put != nil {
		forward = func(c *call) (*answer, error) { return p.put(c, put) }
	}
	a, err := forward(c)
	if err != nil {
		return nil // the target is away, as the other end of a cut connection
	}
	if a.status != http.StatusOK {
		return a
	}
	if p.loses(c) {
		return nil
	}
	p.forget(c)
	return p.rewrite(c.operation, a)
}

// pass passes a call on as it is.
func (p *Proxy) pass(c *call) (*answer, error) { return p.forward(c, c.body) }

// forward asks the target. It does so to the end even when the client has gone: so
// does Kinesis, and Kinesalite would end if it were cut off.
func (p *Proxy) forward(c *call, body []byte) (*answer, error) {
	r, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.target+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = c.header.Clone()
	r.Header.Del("Connection")
	r.Header.Del("Accept-Encoding")
	response, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	header := response.Header.Clone()
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length"} {
		header.Del(name)
	}
	return &answer{response.StatusCode, header, text}, nil
}

// thaw waits while the proxy is frozen. It returns false when the client has gone,
// or the proxy.
func (p *Proxy) thaw(c *call) bool {
	for {
		now, thawed := p.now()
		if !now.frozen {
			return c.client.Err() == nil
		}
		select {
		case <-thawed:
		case <-c.client.Done():
			return false
		case <-p.ctx.Done():
			return false
		}
	}
}

// loses reports whether the answer of a call gets lost. Half of the time it does
// once the client has given up.
func (p *Proxy) loses(c *call) bool {
	p.mu.Lock()
	lose := p.random.Float64() < p.rules.lose
	hang := lose && p.random.IntN(2) == 0
	if lose {
		p.seen.Lost++
	}
	p.mu.Unlock()
	if hang {
		select {
		case <-c.client.Done():
		case <-p.ctx.Done():
		}
	}
	return lose
}

// now returns the rules, and what is closed when nothing is frozen any more.
func (p *Proxy) now() (rules, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rules, p.thawed
}
