package file

// What a group may hold, and how many there are: so many may be written and not yet
// synced. Their batches' bytes are bounded by the pipeline's frontier; a group's are
// copied, and bounded here.
const (
	groupBatches = 64
	groupBytes   = 4 << 20
	maxGroups    = 32
)

// A group is batches that are written with one call per file.
type group struct {
	jobs  []job
	ends  []end // where its lines end
	grown bool  // a file was made for it
	err   error // why it was not written
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
		g := <-p.spare
		p.gather(g)
		if len(g.jobs) == 0 {
			return
		}
		if g.err = p.over(); g.err == nil {
			if err := p.folder.append(g); err != nil {
				g.err = p.fail(err)
			}
		}
		p.unsynced.Add(1)
		p.written <- g
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

// settle returns when the syncer has nothing left to do, or with the error of the disk.
// Until the writer passes on more, the folder's outputs are its own.
func (p *Publisher) settle() error {
	p.unsynced.Wait()
	select {
	case <-p.failed:
		return p.err
	default:
		return nil
	}
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
			failed = p.syncAll(groups[:whole])
		}
		for _, g := range groups[:whole] {
			g.err = failed
		}
		p.finish(groups)
	}
}

// syncAll makes groups durable, unless the Publisher is closing: on a slow disk that
// could take longer than who closes it has.
func (p *Publisher) syncAll(groups []*group) error {
	select {
	case <-p.closing:
		return p.errClosed()
	default:
	}
	if err := p.folder.sync(groups); err != nil {
		return p.fail(err)
	}
	return nil
}

// finish calls the dones of groups, and gives the groups back.
func (p *Publisher) finish(groups []*group) {
	for _, g := range groups {
		for _, j := range g.jobs {
			j.done(g.err)
		}
		clear(g.jobs)
		*g = group{jobs: g.jobs[:0], ends: g.ends[:0]}
		p.unsynced.Done()
		p.spare <- g
	}
}
