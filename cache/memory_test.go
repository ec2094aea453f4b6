package cache_test

import (
	"testing"

	"github.com/psasync/psasync/cache"
	"github.com/psasync/psasync/cache/cachetest"
)

func TestMemory(t *testing.T) {
	cachetest.Run(t, func(*testing.T) cache.Store { return cache.NewMemory() })
}
