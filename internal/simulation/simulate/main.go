// Command simulate runs histories of a bridge between two systems and looks for one in
// which an invariant does not hold. It exits with 1 if it finds one.
//
//	go run ./internal/simulation/simulate -seed 1 -n 500000
//	go run ./internal/simulation/simulate -tape internal/simulation/testdata/tapes/x.bin -v
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/psasync/psasync/internal/simulation"
)

func main() {
	var c simulation.Campaign
	flag.Uint64Var(&c.Seed, "seed", 1, "seed of the first history")
	flag.IntVar(&c.Histories, "n", 10000, "histories")
	flag.IntVar(&c.Workers, "workers", 2, "histories at the same time")
	flag.IntVar(&c.Failures, "failures", 1, "stop after so many failures")
	flag.IntVar(&c.Shrinks, "shrink", 3000, "candidates tried to shrink a failure")
	flag.BoolVar(&c.Order, "order", false, "make edits in two orders and compare")
	flag.BoolVar(&c.Grouped, "grouped", false, "run the histories that use the same bridge one after the other, which is faster")
	flag.DurationVar(&c.Time, "time", 0, "stop after so long; 0: never")
	tape := flag.String("tape", "", "replay this file")
	one := flag.Bool("one", false, "replay only the seed")
	verbose := flag.Bool("v", false, "tell what happens in a replay")
	asJSON := flag.Bool("json", false, "print the outcome as JSON")
	keep := flag.String("keep", "", "folder for the tapes of failures")
	profile := flag.String("cpuprofile", "", "write a CPU profile")
	flag.Parse()
	stop := startProfile(*profile)
	defer stop()

	if *tape != "" || *one {
		t := simulation.NewTape(c.Seed)
		if *tape != "" {
			b, err := os.ReadFile(*tape)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			t = simulation.Replay(b)
		}
		var trace func(string)
		if *verbose {
			trace = func(s string) { fmt.Println(s) }
		}
		sim := simulation.New()
		history := sim.Run
		if c.Order {
			history = sim.Order
		}
		res := history(t, trace)
		if res.Violation != nil {
			fmt.Println(res.Violation)
			os.Exit(1)
		}
		fmt.Printf("every invariant held; log %016x\n", res.Log)
		return
	}
	debug.SetGCPercent(1000) // memory is cheaper than time here
	debug.SetMemoryLimit(2 << 30)
	began := time.Now()
	out := c.Run()
	out.Took = time.Since(began)
	if *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(out) // a closed pipe is the reader's affair
	} else {
		fmt.Println(out.Stats.String(), "in", out.Took.Round(time.Millisecond))
	}
	for _, f := range out.Failures {
		name := ""
		if *keep != "" {
			name = f.Save(*keep)
		}
		fmt.Fprintf(os.Stderr, "%s tape=%s\n", f.Line(), name)
	}
	if len(out.Failures) > 0 {
		stop()
		os.Exit(1)
	}
}
