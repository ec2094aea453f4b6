package cache

import (
	"context"
	"iter"
)

// An auditLog is all audit entries of one source. Each points to the one before
// it of the same link, so that the story of a link is found at once.
type auditLog struct {
	entries []auditEntry
	ofLink  map[string]int // 1 + position of its last entry
}

type auditEntry struct {
	Audit
	former int // 1 + position of the entry before it of the same link
}

func (log *auditLog) append(audits []Audit) {
	for i := range audits {
		e := auditEntry{Audit: audits[i].Normal()}
		e.Seq = int64(len(log.entries)) + 1
		if e.Link != "" {
			if log.ofLink == nil {
				log.ofLink = map[string]int{}
			}
			e.former = log.ofLink[e.Link]
			log.ofLink[e.Link] = int(e.Seq)
		}
		log.entries = append(log.entries, e)
	}
}

func (q *AuditQuery) matches(a *Audit) bool {
	return (q.Link == "" || q.Link == a.Link) && (q.Run == "" || q.Run == a.Run) && (q.Since.IsZero() || !a.At.Before(q.Since))
}

// Audits yields what was done, newest first; see [State].
func (m *Memory) Audits(ctx context.Context, source string, q AuditQuery) iter.Seq2[Audit, error] {
	return func(yield func(Audit, error) bool) {
		st := m.state(source)
		st.mu.RLock()
		log := st.audits.entries // entries are only added
		at := len(log)
		if q.Link != "" {
			at = st.audits.ofLink[q.Link]
		}
		st.mu.RUnlock()
		for n := 0; at > 0 && (q.Limit <= 0 || n < q.Limit); {
			if err := ctx.Err(); err != nil {
				yield(Audit{}, err)
				return
			}
			e := &log[at-1]
			if q.matches(&e.Audit) {
				n++
				if !yield(e.Audit, nil) {
					return
				}
			}
			if at--; q.Link != "" {
				at = e.former
			}
		}
	}
}
