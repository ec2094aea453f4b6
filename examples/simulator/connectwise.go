package main

import (
	"fmt"

	"github.com/psasync/psasync/connectwise/connectwisetest"
)

// connectwise builds the ConnectWise PSA simulator.
func connectwise(c config, url string) (service, error) {
	fresh, ok := map[string]func() *connectwisetest.Tenant{
		"small": connectwisetest.Small, "medium": connectwisetest.Medium, "large": connectwisetest.Large,
	}[c.tenant]
	if !ok {
		return service{}, fmt.Errorf("unknown tenant %q; there is small, medium and large", c.tenant)
	}
	srv := connectwisetest.NewServer(fresh(), &connectwisetest.Options{Latency: c.latency, Limit: c.limit})
	k := srv.Credentials()
	return service{
		api: srv.Handler(), control: srv.Control(fresh),
		env: []variable{
			{"CW_URL", url}, {"CW_COMPANY", k.Company}, {"CW_PUBLIC_KEY", k.PublicKey}, {"CW_PRIVATE_KEY", k.PrivateKey}, {"CW_CLIENT_ID", k.ClientID},
		},
	}, nil
}
