package main

import (
	"fmt"
	"os"
	"runtime/pprof"
	"sync"
)

// startProfile writes a CPU profile until the function it returns is called.
func startProfile(name string) func() {
	if name == "" {
		return func() {}
	}
	f, err := os.Create(name)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return sync.OnceFunc(func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a short profile shows itself
	})
}
