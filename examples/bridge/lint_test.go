package main

import (
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

func start() *clock { return &clock{now: time.Date(2026, time.June, 1, 9, 0, 0, 0, time.UTC)} }

func TestMaps(t *testing.T) {
	for name := range simulations() {
		t.Run(name, func(t *testing.T) {
			c := start()
			sim, err := simulate(name, c)
			if err != nil {
				t.Fatal(err)
			}
			defer sim.close()
			conn, err := connect(t.Context(), sim.provider, places{now: c.Now})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			cfg, err := conn.catalogs(t.Context())
			if err != nil {
				t.Error(err)
			}
			if cfg == nil {
				return
			}
			for _, f := range conn.m.LintWith(cfg) {
				if f.Severity != psa.Info {
					t.Logf("%s %s: %s", f.Severity, f.Where, f.Message)
				}
			}
		})
	}
}
