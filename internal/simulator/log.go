package simulator

import (
	"sync"
	"time"
)

// Request is one entry of the request log. Headers are not kept, so that no
// credential can be in it.
type Request struct {
	Time     time.Time // when it arrived, by the vendor's clock
	Host     string    // host it was sent to
	Method   string
	Path     string        // full path
	Query    string        // decoded only as far as the client encoded it
	Status   int           // 0: the connection was dropped
	BodySize int64         // bytes of the request's body that were read
	Sent     int64         // bytes of the response's body
	Duration time.Duration // from arrival to the end of the answer
	Fault    bool          // a fault was applied
	Stray    bool          // sent to a host that is not this server's
	Secret   bool          // stray only: it carried credentials
}

// Log keeps the latest requests. The zero value keeps [DefaultLogSize].
type Log struct {
	mu    sync.Mutex
	size  int
	total int
	ring  []Request
}

// DefaultLogSize is how many requests a Log keeps unless told otherwise.
const DefaultLogSize = 100_000

// Add appends r, dropping the oldest entry when the log is full.
func (l *Log) Add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := l.size
	if size <= 0 {
		size = DefaultLogSize
	}
	if len(l.ring) < size {
		l.ring = append(l.ring, r)
	} else {
		l.ring[l.total%size] = r
	}
	l.total++
}

// All returns the requests kept, oldest first.
func (l *Log) All() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Request, 0, len(l.ring))
	if n := len(l.ring); l.total > n {
		at := l.total % n
		out = append(out, l.ring[at:]...)
		return append(out, l.ring[:at]...)
	}
	return append(out, l.ring...)
}

// Strays returns the requests that were sent to another host.
func (l *Log) Strays() []Request {
	var out []Request
	for _, r := range l.All() {
		if r.Stray {
			out = append(out, r)
		}
	}
	return out
}

// Total returns how many requests were ever added.
func (l *Log) Total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Clear forgets all requests.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.total = nil, 0
}

// Mail is one message the vendor would have sent.
type Mail struct {
	Time   time.Time
	To     string // "contact", "resource" or "cc"
	Reason string // what caused it, such as "ticket created"
	Record string // path of the record, such as /service/tickets/12
}

// Mailbox counts mail. The zero value is empty.
type Mailbox struct {
	mu   sync.Mutex
	sent []Mail
}

// Add counts one message.
func (b *Mailbox) Add(m Mail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, m)
}

// All returns the messages counted so far.
func (b *Mailbox) All() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Mail(nil), b.sent...)
}

// Clear forgets all messages.
func (b *Mailbox) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = nil
}
