// Command simulator serves the API of a PSA vendor from made-up data, so that
// a program can be tried without an account:
//
//	go run ./examples/simulator -vendor connectwise -addr 127.0.0.1:8081 -tenant small
//
// It prints the base URL, credentials and environment variables to use. The
// page at /_sim/ shows the request log and the mail that would have been sent,
// and steers clock, latency, rate limit, rights and faults; it documents its
// own JSON calls. The program listens on loopback only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/psasync/psasync/internal/simulator"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}

// config is what the flags say.
type config struct {
	tenant  string
	latency time.Duration
	limit   simulator.Limit
}

// service is a running vendor.
type service struct {
	api, control http.Handler
	env          []variable
}

type variable struct{ name, value string }

// vendors returns the constructor of each vendor; url is the base URL to put
// into the environment lines.
func vendors() map[string]func(c config, url string) (service, error) {
	return map[string]func(config, string) (service, error){
		"autotask":    autotask,
		"connectwise": connectwise,
		"halopsa":     halopsa,
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	names := slices.Sorted(maps.Keys(vendors()))
	fs := flag.NewFlagSet("simulator", flag.ContinueOnError)
	vendor := fs.String("vendor", "connectwise", "vendor to simulate: "+strings.Join(names, ", "))
	addr := fs.String("addr", "127.0.0.1:8081", "loopback address to listen on; port 0 picks one")
	tenant := fs.String("tenant", "small", "data: small, medium or large")
	latency := fs.Duration("latency", 0, "delay of every answer")
	limit := fs.String("limit", "", "rate limit as requests/window, such as 1000/1m; off for none (default: the vendor's)")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	build, ok := vendors()[*vendor]
	if !ok {
		return fmt.Errorf("unknown vendor %q; there is %s", *vendor, strings.Join(names, ", "))
	}
	if err := simulator.CheckLoopback(*addr); err != nil {
		return err
	}
	lim, err := parseLimit(*limit)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	url := "http://" + ln.Addr().String()
	svc, err := build(config{tenant: *tenant, latency: *latency, limit: lim}, url)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/_sim/", svc.control)
	mux.Handle("/", svc.api)
	if err := announce(out, *vendor, *tenant, url, svc.env); err != nil {
		return errors.Join(err, ln.Close())
	}
	return serve(ctx, ln, simulator.Guard(mux))
}

func announce(out io.Writer, vendor, tenant, url string, env []variable) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s simulator (%s tenant) on %s\nControl page: %s/_sim/\n\n", vendor, tenant, url, url)
	for _, v := range env {
		fmt.Fprintf(&b, "export %s='%s'\n", v.name, v.value)
	}
	b.WriteString("\nStop with Ctrl-C.\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// serve answers until ctx is done, then lets open requests finish.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(grace)
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// parseLimit reads "1000/1m"; "" is the vendor's limit, "off" none.
func parseLimit(s string) (simulator.Limit, error) {
	switch s {
	case "":
		return simulator.Limit{}, nil
	case "off":
		return simulator.Limit{Requests: -1}, nil
	}
	count, window, ok := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	d, derr := time.ParseDuration(window)
	if !ok || err != nil || derr != nil || n <= 0 || d <= 0 {
		return simulator.Limit{}, fmt.Errorf("limit %q is not requests/window, such as 1000/1m", s)
	}
	return simulator.Limit{Requests: n, Window: d}, nil
}
