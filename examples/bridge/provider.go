package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
					URL: env("AT_URL"), CompanyOwnerID: env("AT_COMPANY_OWNER"),
					Credentials: func(context.Context) (autotask.Credentials, error) {
						return autotask.Credentials{IntegrationCode: env("AT_INTEGRATION_CODE"), UserName: env("AT_USERNAME"), Secret: env("AT_SECRET")}, nil
					},
				})
			},
		},
		"halopsa": {
			needs: []string{"HALO_URL", "HALO_CLIENT_ID", "HALO_CLIENT_SECRET"},
			open: func(env func(string) string) (psa.Provider, error) {
				var o halopsa.Outcomes
				var top int
				for name, id := range map[string]*int{
					"HALO_TOP_LEVEL":        &top,
					"HALO_OUTCOME_INTERNAL": &o.Internal, "HALO_OUTCOME_PUBLIC": &o.Public, "HALO_OUTCOME_TIME": &o.Time,
				} {
					if env(name) == "" {
						continue
					}
					n, err := strconv.Atoi(env(name))
					if err != nil || n <= 0 {
						return nil, fmt.Errorf("%s is no id", name)
					}
					*id = n
				}
				return halopsa.New(halopsa.Config{
					URL: env("HALO_URL"), TopLevel: top, Outcomes: o,
					Credentials: func(context.Context) (halopsa.Credentials, error) {
						return halopsa.Credentials{ClientID: env("HALO_CLIENT_ID"), ClientSecret: env("HALO_CLIENT_SECRET")}, nil
					},
				})
			},
		},
	}
}

func names() []string { return slices.Sorted(maps.Keys(vendors())) }

// lacks returns the variables of a vendor that are not set.
func (v vendor) lacks(env func(string) string) (missing []string) {
	for _, name := range v.needs {
		if env(name) == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// openPSA returns the provider of a name, "" being the only vendor whose
// variables are set.
func openPSA(name string, env func(string) string) (psa.Provider, error) {
	all := vendors()
	if name == "" {
		var set []string
		for _, n := range names() {
			if len(all[n].lacks(env)) == 0 {
				set = append(set, n)
			}
		}
		if len(set) != 1 {
			return nil, fmt.Errorf("%w: name the PSA with -provider (%s) and set its variables in the environment; go run ./examples/simulator prints some to try",
				errUsage, strings.Join(names(), ", "))
		}
		name = set[0]
	}
	v, ok := all[name]
	if !ok {
		return nil, fmt.Errorf("%w: unknown provider %q; there is %s", errUsage, name, strings.Join(names(), ", "))
	}
	if missing := v.lacks(env); len(missing) > 0 {
		return nil, fmt.Errorf("%w: set %s in the environment", errUsage, strings.Join(missing, ", "))
	}
	p, err := v.open(env)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return p, nil
}
