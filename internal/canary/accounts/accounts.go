// Package accounts knows what the three simulators plant in the accounts that
// they generate, for tests whose programs make such accounts themselves.
package accounts

import (
	"github.com/psasync/psasync/autotask/autotasktest"
	"github.com/psasync/psasync/connectwise/connectwisetest"
	"github.com/psasync/psasync/halopsa/halopsatest"
	"github.com/psasync/psasync/internal/canary"
)

// Values returns everything planted in generated accounts, and the credentials
// of servers that were given none.
func Values() (out []canary.Value) {
	add := func(class canary.Class, what, text string) {
		out = append(out, canary.Value{What: what, Text: text, Class: class})
	}
	for _, list := range [][]connectwisetest.Canary{connectwisetest.Canaries(), autotasktest.Canaries(), halopsatest.Canaries()} {
		for _, c := range list {
			add(canary.Secret, c.Entity+"."+c.Field, c.Value)
		}
	}
	for _, list := range [][]connectwisetest.Canary{connectwisetest.Privates(), autotasktest.Privates(), halopsatest.Privates()} {
		for _, c := range list {
			add(canary.Private, c.Entity+"."+c.Field, c.Value)
		}
	}
	cw, at, halo := connectwisetest.DefaultCredentials(), autotasktest.DefaultCredentials(), halopsatest.DefaultCredentials()
	add(canary.Secret, "private key", cw.PrivateKey)
	add(canary.Secret, "public key", cw.PublicKey)
	add(canary.Secret, "company and keys", cw.Company+"+"+cw.PublicKey+":"+cw.PrivateKey)
	add(canary.Secret, "integration code", at.IntegrationCode)
	add(canary.Secret, "secret", at.Secret)
	add(canary.Secret, "client id", halo.ClientID)
	add(canary.Secret, "client secret", halo.ClientSecret)
	return out
}

// Leaks returns what of it a program's output, or a file of it, holds.
func Leaks(text []byte) ([]canary.Hit, error) {
	s, err := canary.New(Values()...)
	if err != nil {
		return nil, err
	}
	return s.Scan(text), nil
}
