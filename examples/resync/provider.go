package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/psasync/psasync/connectwise"
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
	}
}

func names() []string { return slices.Sorted(maps.Keys(vendors())) }

// open returns the provider that the settings ask for.
func open(s settings, env func(string) string) (psa.Provider, error) {
	if s.provider == "" {
		_, p, err := simulate(s.tenant)
		return p, err
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
