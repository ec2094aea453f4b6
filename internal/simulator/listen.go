package simulator

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Listener serves a handler on a loopback port.
type Listener struct {
	srv  *http.Server
	ln   net.Listener
	done chan error
}

// Listen serves h on addr, which must be a loopback address; port 0 picks one.
func Listen(addr string, h http.Handler) (*Listener, error) {
	if err := CheckLoopback(addr); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	l := &Listener{ln: ln, done: make(chan error, 1), srv: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}}
	go func() { l.done <- l.srv.Serve(ln) }()
	return l, nil
}

// CheckLoopback returns an error unless addr is host:port with a loopback host.
func CheckLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("simulator: address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("simulator: address %q is not loopback: the simulator holds credentials that everyone knows", addr)
}

// Addr returns host:port.
func (l *Listener) Addr() string { return l.ln.Addr().String() }

// Close stops at once: open connections are cut.
func (l *Listener) Close() error {
	err := l.srv.Close()
	if serr := <-l.done; serr != nil && !errors.Is(serr, http.ErrServerClosed) {
		return errors.Join(err, serr)
	}
	return err
}
