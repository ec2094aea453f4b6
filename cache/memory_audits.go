package cache

import (
	"context"
	"iter"
)

// An auditLog is all audit entries of one source, in pages that are never
// copied once they are full. Each entry knows the one before it of the same
// link, so that the story of a link is found at once.
type auditLog struct {
	pages  [][]auditEntry
	last   int64            // Seq of the last entry
	ofLink map[string]int64 // Seq of its last entry
}

type auditEntry struct {
	Audit
	former int64 // Seq of the entry before it of the same link; 0: none
}

const auditPage = 128

// entry returns an entry that was added; it does not change any more.
func (log *auditLog) entry(seq int64) *auditEntry {
	return &log.pages[(seq-1)/auditPage][(seq-1)%auditPage]
}

func (log *auditLog) add(audits []Audit) {
	for i := range audits {
		if log.last%auditPage == 0 {
			log.pages = append(log.pages, nil)
		}
		log.last++
		e := auditEntry{Audit: audits[i].Normal()}
		e.Seq = log.last
		if e.Link != "" {
			if log.ofLink == nil {
				log.ofLink = map[string]int64{}
			}
			e.former = log.ofLink[e.Link]
			log.ofLink[e.Link] = e.Seq
		}
		page := &log.pages[len(log.pages)-1]
		*page = append(*page, e)
	}
}

func (q *AuditQuery) matches(a *Audit) bool {
	return (q.Link == "" || q.Link == a.Link) && (q.Run == "" || q.Run == a.Run) && (q.Since.IsZero() || !a.At.Before(q.Since))
}

// Audits yields what was done, newest first; see [State].
func (m *Memory) Audits(ctx context.Context, source string, q AuditQuery) iter.Seq2[Audit, error] {
	return func(yield func(Audit, error) bool) {
		if err := ctx.Err(); err != nil { // even if there is no entry
			yield(Audit{}, err)
			return
		}
		st := m.state(source)
		st.mu.RLock()
		seq := st.audits.last
		if q.Link != "" {
			seq = st.audits.ofLink[q.Link]
		}
		st.mu.RUnlock()
		for n := 0; seq > 0 && (q.Limit <= 0 || n < q.Limit); {
			if err := ctx.Err(); err != nil {
				yield(Audit{}, err)
				return
			}
			st.mu.RLock()
			e := st.audits.entry(seq)
			st.mu.RUnlock()
			if q.matches(&e.Audit) {
				n++
				if !yield(e.Audit, nil) {
					return
				}
			}
			if seq--; q.Link != "" {
				seq = e.former
			}
		}
	}
}
