package psatest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/psasync/psasync/psa"
)

// memory returns a World around an in-memory provider of the tenant.
func memory(tenant Tenant) *World {
	p := NewProvider(tenant)
	w := &World{
		Provider: p,
		Canaries: tenant.Canaries,
		Fill:     map[psa.Kind]func(int){},
		Rename:   func(ref psa.Ref, name string) { p.Edit(ref, psa.Fields{nameField(ref.Kind): name}) },
		Remove:   func(ref psa.Ref) { p.Remove(ref) },
		Mails:    func() int { return len(p.Mails()) },
		Trouble: map[Trouble]func(psa.Kind){
			AuthRefused:  func(psa.Kind) { p.Refuse("", psa.ErrAuth) },
			RightRemoved: func(k psa.Kind) { p.Refuse(k, psa.ErrDenied) },
			RateLimited: func(k psa.Kind) {
				p.Refuse(k, &psa.Error{Code: psa.ErrRateLimited, RetryAfter: 90 * time.Second})
			},
			ServerError:  func(k psa.Kind) { p.Refuse(k, psa.ErrUnavailable) },
			CutBody:      func(k psa.Kind) { p.Refuse(k, psa.ErrData) },
			LoginPage:    func(k psa.Kind) { p.Refuse(k, psa.ErrData) },
			RepeatedPage: func(k psa.Kind) { p.Fail(Fault{Kind: k, Op: OpList, After: p.features[k].PageSize, Err: psa.ErrData}) },
			CappedPage:   func(k psa.Kind) { p.Fail(Fault{Kind: k, Op: OpList, After: 3, Err: psa.ErrData}) },
			WrongCount:   func(k psa.Kind) { p.Fail(Fault{Kind: k, Op: OpList, After: 1 << 20, Err: psa.ErrData}) },
			MovingRows: func(k psa.Kind) {
				p.Fail(Fault{Kind: k, Op: OpList, After: p.features[k].PageSize + 1, Do: func() { p.Remove(p.Refs(k)[0]) }})
			},
			BadRow:    func(k psa.Kind) { p.Fail(Fault{Kind: k, Op: OpList, Times: -1, Bad: []string{p.Refs(k)[3].ID}}) },
			Hang:      func(k psa.Kind) { p.Fail(Fault{Kind: k, Times: -1, Hang: true}) },
			LostReply: func(k psa.Kind) { p.Fail(Fault{Kind: k, Op: OpCreate, Err: psa.ErrTimeout, Applied: true}) },
		},
		Plant: map[Oddity]func(string){
			TimedNote: func(token string) {
				p.Put(Row(psa.KindNote, "", psa.Fields{"ticket": RefTo("1001", "Printer offline"), "member": RefTo("1", "Ana Sousa"), "text": token, "hours": 0.25}))
			},
			ProjectTicket: func(token string) { p.Put(Row(psa.KindTicket, "", psa.Fields{"summary": token, "project": true})) },
			HiddenPerson: func(token string) {
				p.Put(Row(psa.KindContact, "", psa.Fields{"first_name": token, "company": RefTo("1", "Northwind Traders"), "hidden": true}))
			},
			UnclearNote: func(token string) {
				p.Put(Row(psa.KindNote, "", psa.Fields{"ticket": RefTo("1001", "Printer offline"), "text": token, "visibility": "7"}))
			},
		},
	}
	for kind, f := range p.features {
		if kind == psa.KindTicketSource || kind == psa.KindCompany || f.PerParent && f.Can.Has(psa.CanList) {
			w.Fill[kind] = func(n int) { p.fill(kind, n) }
		}
	}
	return w
}

// fill leaves n rows of a kind; children go to two parents by turns.
func (p *Provider) fill(kind psa.Kind, n int) {
	p.Clear(kind)
	parent := p.features[kind].Parent
	var parents []psa.Ref
	if parent != "" {
		parents = p.Refs(parent)[:2]
	}
	for i := range n {
		f := psa.Fields{nameField(kind): "Row " + strconv.Itoa(i)}
		if parent != "" {
			f[string(parent)] = RefTo(parents[i%2].ID, "")
		}
		p.Put(Row(kind, "", f))
	}
}

func shapes() map[string]Tenant {
	return map[string]Tenant{"boards": Boards(), "flat": Flat(), "types": Types()}
}

func TestMemoryConforms(t *testing.T) {
	for name, tenant := range shapes() {
		t.Run(name, func(t *testing.T) {
			Run(t, Harness{Open: func(testing.TB) *World { return memory(tenant.WithPageSize(5)) }})
		})
	}
}

func TestRealTime(t *testing.T) {
	Run(t, Harness{RealTime: true, Open: func(testing.TB) *World { return memory(Boards().WithPageSize(4)) }})
}

func TestCasesAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases() {
		if c.rule == "" || c.run == nil || seen[c.name] {
			t.Errorf("case %q has no rule, does nothing or comes twice", c.name)
		}
		seen[c.name] = true
	}
}

func TestViewsCoverAllKinds(t *testing.T) {
	all := views()
	for _, kind := range slices.Concat(psa.ConfigKinds(), psa.RecordKinds()) {
		if all[kind] == nil {
			t.Errorf("%s has no view", kind)
		} else if err := all[kind](psa.Record{Ref: psa.Ref{Kind: kind, ID: "1"}}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
