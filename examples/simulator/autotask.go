package main

import (
	"fmt"
	"strconv"

	"github.com/psasync/psasync/autotask/autotasktest"
)

// autotask builds the Autotask PSA simulator.
func autotask(c config, url string) (service, error) {
	fresh, ok := map[string]func() *autotasktest.Tenant{
		"small": autotasktest.Small, "medium": autotasktest.Medium, "large": autotasktest.Large,
	}[c.tenant]
	if !ok {
		return service{}, fmt.Errorf("unknown tenant %q; there is small, medium and large", c.tenant)
	}
	srv := autotasktest.NewServer(fresh(), &autotasktest.Options{Latency: c.latency, Limit: c.limit})
	k := srv.Credentials()
	return service{
		api: srv.Handler(), control: srv.Control(fresh),
		env: []variable{
			{"AT_URL", url}, {"AT_INTEGRATION_CODE", k.IntegrationCode}, {"AT_USERNAME", k.UserName}, {"AT_SECRET", k.Secret}, {"AT_RESOURCE_ID", strconv.Itoa(k.ResourceID)},
		},
	}, nil
}
