package cache_test

import (
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
)

func TestMemoryState(t *testing.T) {
	cachetest.RunState(t, cachetest.StateHarness{Open: func(*testing.T) cache.State { return cache.NewMemory() }})
}
