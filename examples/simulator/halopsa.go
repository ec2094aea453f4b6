package main

import (
	"fmt"

	"github.com/psasync/psasync/halopsa/halopsatest"
)

// halopsa builds the HaloPSA simulator.
func halopsa(c config, url string) (service, error) {
	fresh, ok := map[string]func() *halopsatest.Tenant{
		"small": halopsatest.Small, "medium": halopsatest.Medium, "large": halopsatest.Large,
	}[c.tenant]
	if !ok {
		return service{}, fmt.Errorf("unknown tenant %q; there is small, medium and large", c.tenant)
	}
	srv := halopsatest.NewServer(fresh(), &halopsatest.Options{Latency: c.latency, Limit: c.limit})
	k := srv.Credentials()
	return service{
		api: srv.Handler(), control: srv.Control(fresh),
		env: []variable{{"HALO_URL", url}, {"HALO_TENANT", k.Tenant}, {"HALO_CLIENT_ID", k.ClientID}, {"HALO_CLIENT_SECRET", k.ClientSecret}},
	}, nil
}
