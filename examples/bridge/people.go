package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/psasync/psasync/psa"
)

// A psaDesk is people at work in the PSA. They use an adapter of their own,
// which spares the story the keys of three vendors; the bridge cannot tell.
type psaDesk struct {
	p   psa.Provider
	cat func() psa.Catalog
	now func() time.Time
	cast
}

// option finds a row of the configuration by its name.
func (d psaDesk) option(kind psa.Kind, name string) (psa.Fields, error) {
	options := d.cat().Options(kind, "")
	i := slices.IndexFunc(options, func(o psa.Option) bool { return o.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the PSA has no %s %q", kind, name)
	}
	return psa.Fields{"id": options[i].ID}, nil
}

// named turns the names in fields of a ticket into references.
func (d psaDesk) named(fields map[string]string) (psa.Fields, error) {
	out := psa.Fields{}
	for name, value := range fields {
		f, _ := psa.FieldOf(psa.KindTicket, name)
		if f.Type != psa.TypeRef {
			out[name] = value
			continue
		}
		ref, err := d.option(f.Kind, value)
		if err != nil {
			return nil, err
		}
		out[name] = ref
	}
	return out, nil
}

// addTicket opens a ticket for a contact.
func (d psaDesk) addTicket(ctx context.Context, contact psa.Record, summary string) (psa.Ref, error) {
	fields, err := d.named(d.form)
	if err != nil {
		return psa.Ref{}, err
	}
	fields["summary"] = summary
	fields["description"] = "Reported by phone."
	fields["due_at"] = psa.FormatTime(d.now().Add(48 * time.Hour))
	fields["contact"] = psa.Fields{"id": contact.ID}
	for _, name := range []string{"company", "site"} {
		if ref := contact.Fields.Ref(name); ref.ID != "" {
			fields[name] = psa.Fields{"id": ref.ID}
		}
	}
	r, err := psa.Create(ctx, d.p, psa.KindTicket, fields, psa.NotifyNone)
	return r.Ref, err
}

// edit changes a ticket; values of references are names.
func (d psaDesk) edit(ctx context.Context, ticket psa.Ref, set psa.Fields) error {
	for name, v := range set {
		f, _ := psa.FieldOf(psa.KindTicket, name)
		if text, ok := v.(string); ok && f.Type == psa.TypeRef {
			ref, err := d.option(f.Kind, text)
			if err != nil {
				return err
			}
			set[name] = ref
		}
	}
	_, err := psa.Update(ctx, d.p, ticket, psa.Patch{Set: set})
	return err
}

// note writes a note on a ticket, which tells nobody.
func (d psaDesk) note(ctx context.Context, ticket psa.Ref, text string, visibility psa.Visibility) error {
	fields := psa.Fields{"ticket": psa.Fields{"id": ticket.ID}, "text": text, "visibility": string(visibility)}
	if name := d.noteType[visibility]; name != "" {
		typ, err := d.option(psa.KindNoteType, name)
		if err != nil {
			return err
		}
		fields["type"] = typ
	}
	_, err := psa.Create(ctx, d.p, psa.KindNote, fields, psa.NotifyNone)
	return err
}
