package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/autotask"
	"github.com/psasync/psasync/connectwise"
	"github.com/psasync/psasync/halopsa"
	"github.com/psasync/psasync/psa"
)

// A vendor makes a provider from environment variables.
type vendor struct {
	needs []string
	open  func(env func(string) string) (psa.Provider, error)
}

// vendors are the values of -provider.
func vendors() map[string]vendor {
	return map[string]vendor{
		"connectwise": {
			needs: []string{"CW_URL", "CW_COMPANY", "CW_PUBLIC_KEY", "CW_PRIVATE_KEY", "CW_CLIENT_ID"},
			open: func(env func(string) string) (psa.Provider, error) {
				return connectwise.New(connectwise.Config{
					URL: env("CW_URL"), Company: env("CW_COMPANY"), ClientID: env("CW_CLIENT_ID"),
					Credentials: func(context.Context) (connectwise.Credentials, error) {
						return connectwise.Credentials{PublicKey: env("CW_PUBLIC_KEY"), PrivateKey: env("CW_PRIVATE_KEY")}, nil
					},
				})
			},
		},
		"autotask": {
			needs: []string{"AT_INTEGRATION_CODE", "AT_USERNAME", "AT_SECRET"},
			open: func(env func(string) string) (psa.Provider, error) {
				return autotask.New(autotask.Config{
					URL: env("AT_URL"),
					Credentials: func(context.Context) (autotask.Credentials, error) {
						return autotask.Credentials{IntegrationCode: env("AT_INTEGRATION_CODE"), UserName: env("AT_USERNAME"), Secret: env("AT_SECRET")}, nil
					},
				})
			},
		},
		"halopsa": {
			needs: []string{"HALO_URL", "HALO_CLIENT_ID", "HALO_CLIENT_SECRET"},
			open: func(env func(string) string) (psa.Provider, error) {
				return halopsa.New(halopsa.Config{
					URL: env("HALO_URL"),
					Credentials: func(context.Context) (halopsa.Credentials, error) {
						return halopsa.Credentials{ClientID: env("HALO_CLIENT_ID"), ClientSecret: env("HALO_CLIENT_SECRET")}, nil
					},
				})
			},
		},
	}
}

func names() []string { return slices.Sorted(maps.Keys(vendors())) }

// open returns the provider that the settings ask for.
func open(s settings, env func(string) string) (psa.Provider, error) {
	if s.provider == "" {
		sim, err := simulate(s)
		return sim.provider, err
	}
	v, ok := vendors()[s.provider]
	if !ok {
		return nil, fmt.Errorf("%w: unknown provider %q; there is %s", errUsage, s.provider, strings.Join(names(), ", "))
	}
	var missing []string
	for _, name := range v.needs {
		if env(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: set %s in the environment; without -provider a simulated tenant is used", errUsage, strings.Join(missing, ", "))
	}
	p, err := v.open(env)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return p, nil
}
