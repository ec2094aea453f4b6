package autotasktest

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// threads counts requests in flight per integration code and endpoint. A
// request is in flight from its arrival to the end of its answer, waits
// included.
type threads struct {
	mu         sync.Mutex
	now        map[string]int
	max        map[string]int // by endpoint
	violations int
}

func (t *threads) enter(code, endpoint string, limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = map[string]int{}
	}
	if t.max == nil {
		t.max = map[string]int{}
	}
	k := code + "\x00" + endpoint
	t.now[k]++
	t.max[endpoint] = max(t.max[endpoint], t.now[k])
	if limit > 0 && t.now[k] > limit {
		t.violations++
		return false
	}
	return true
}

func (t *threads) leave(code, endpoint string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now[code+"\x00"+endpoint]--
}

func (t *threads) refused() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.violations
}

func (t *threads) most() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.max)
}

func (t *threads) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.max, t.violations = nil, 0
}

type overThreads struct{}

// front counts a request before anything else sees it; the refusal itself is
// answered further in, so that it is logged and counted like any other.
func (s *Server) front(w http.ResponseWriter, r *http.Request) {
	endpoint := s.endpoint(apiPath(r))
	if endpoint == "" {
		s.core.ServeHTTP(w, r)
		return
	}
	code := r.Header.Get("Apiintegrationcode")
	if !s.threads.enter(code, endpoint, s.opts.Threads) {
		r = r.WithContext(context.WithValue(r.Context(), overThreads{}, true))
	}
	defer s.threads.leave(code, endpoint)
	s.core.ServeHTTP(w, r)
}

// endpoint returns what a request is counted under: the first segment. Zone
// discovery is exempt (General, Thread limiting).
func (s *Server) endpoint(path string) string {
	first, _, _ := strings.Cut(strings.Trim(path, "/"), "/")
	if strings.EqualFold(first, "zoneInformation") || strings.EqualFold(first, "versioninformation") {
		return ""
	}
	if e := s.Tenant().schema.byPath[strings.ToLower(first)]; e != nil {
		return e.path
	}
	return first
}

// slowdown returns the delay that the vendor adds when more than half, and
// three quarters, of the hour's requests are used (REST thresholds and limits).
func (s *Server) slowdown() time.Duration {
	limit, used := s.core.Limit().Requests, s.core.Gauge().Counted
	switch {
	case limit <= 0 || used*2 <= limit:
		return 0
	case used*4 <= limit*3:
		return 500 * time.Millisecond
	}
	return time.Second
}

// wait waits for d or until ctx is done.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler) // the client is gone
	}
}
