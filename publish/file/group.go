package file

// What a group may hold, and how many may wait to be synced. Their batches' bytes
// are bounded by the pipeline's frontier; a group's are copied, and bounded here.
const (
	groupBatches = 64
	groupBytes   = 4 << 20
	maxUnsynced  = 256
)

// A group is batches that are written with one call per file.
type group struct {
	jobs  []job
	ends  []end         // where its lines end
	grown bool          // a file was made for it
	err   error         // why it was not written
	idle  chan struct{} // closed when it would be synced, if it has no jobs
}

// An end is the length of a file behind a group.
type end struct {
	output *output
	at     int64
}

// write is the writer's goroutine. It ends with Close.
func (p *Publisher) write() {
	defer close(p.written)
	for {
		g := p.empty()
		p.gather(g)
		if len(g.jobs) == 0 {
			return
		}
		if g.err = p.over(); g.err == nil {
			if err := p.folder.append(g); err != nil {
				g.err = p.fail(err)
			}
		}
		p.written <- g
	}
}

// empty returns a group that nobody uses.
func (p *Publisher) empty() *group {
	select {
	case g := <-p.spare:
		return g
	default:
		return &group{jobs: make([]job, 0, groupBatches)}
	}
}

// gather waits for a batch and takes what is queued behind it. It takes nothing
// when the Publisher is closing and the queue is empty: it looks there first,
// since what is queued must get its done.
func (p *Publisher) gather(g *group) {
	select {
	case j := <-p.queue:
		g.jobs = append(g.jobs, j)
	default:
		select {
		case j := <-p.queue:
			g.jobs = append(g.jobs, j)
		case <-p.closing:
			return
		}
	}
	for size := len(g.jobs[0].batch.Buf); size < groupBytes && len(g.jobs) < groupBatches; {
		select {
		case j := <-p.queue:
			g.jobs = append(g.jobs, j)
			size += len(j.batch.Buf)
		default:
			return
		}
	}
}

// settle returns when everything that the writer has passed on is synced, or the
// Publisher has failed. Until the writer passes on more, the folder's outputs are
// its own.
func (p *Publisher) settle() {
	g := &group{idle: make(chan struct{})}
	p.written <- g
	<-g.idle
}

// sync is the syncer's goroutine. It ends behind the writer.
func (p *Publisher) sync() {
	defer close(p.ended)
	var groups []*group
	var failed error
	for g := range p.written {
		groups = append(groups[:0], g)
		for range len(p.written) {
			groups = append(groups, <-p.written)
		}
		whole := 0
		for whole < len(groups) && groups[whole].err == nil {
			whole++
		}
		if failed == nil {
			if err := p.folder.sync(groups[:whole]); err != nil {
				failed = p.fail(err)
			}
		}
		for _, g := range groups[:whole] {
			g.err = failed
		}
		p.finish(groups)
	}
}

// finish calls the dones of groups, and gives the groups back.
func (p *Publisher) finish(groups []*group) {
	for _, g := range groups {
		for _, j := range g.jobs {
			j.done(g.err)
		}
		if g.idle != nil {
			close(g.idle)
			continue
		}
		clear(g.jobs)
		*g = group{jobs: g.jobs[:0], ends: g.ends[:0]}
		select {
		case p.spare <- g:
		default:
		}
	}
}
