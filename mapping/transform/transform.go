package transform

import (
	"errors"
	"fmt"

	"github.com/nyaruka/phonenumbers"
	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/psa"
)

// The sizes in bytes beyond which a transform refuses a text with
// [ErrTooLarge]. Most of large HTML is styles and embedded images, which are
// left out; more than 40,000 elements are too many in any size.
const (
	MaxHTML     = 10 << 20
	MaxMarkdown = 256 << 10
	MaxText     = 1 << 20
)

var (
	// ErrTooLarge means that a text is longer than this package reads, or would
	// become so.
	ErrTooLarge = errors.New("the text is too large")
	// ErrTooDeep means that elements of a text are nested too deeply.
	ErrTooDeep = errors.New("the text is nested too deeply")
)

// Options are what the transforms need to know. The zero value, and nil, are
// good.
type Options struct {
	// Region is the country, such as "GB", of phone numbers that are written
	// without a country code. "" leaves such numbers as they are.
	Region string
}

// All returns the transforms of this package by the names that maps use:
//
//   - html_to_markdown and markdown_to_html: rich text. What is written as HTML
//     is sanitised.
//   - html_to_text and text_to_html: plain text.
//   - phone: numbers as E.164, "+442079460000", with the extension behind them,
//     "+442079460000 x12". What is no valid number stays as it is.
//   - email: no space around the address, and its domain in lower case and
//     ASCII. What is no address stays as it is.
//
// phone and email write the left value in its canonical form to the right, and
// the right one to the left as it is. What all come to when they are written the
// same way means the same: the target keeps it. The map is the caller's. The error is for
// a region that does not exist.
func All(opts *Options) (map[string]mapping.Transform, error) {
	if opts == nil {
		opts = &Options{}
	}
	if opts.Region != "" && !phonenumbers.GetSupportedRegions()[opts.Region] {
		return nil, fmt.Errorf("transform: %q is no region; write two capital letters such as GB", opts.Region)
	}
	n := newNotes()
	markdown := mapping.Transform{
		In: psa.TypeText, Out: psa.TypeText, Forward: texts(n.markdown), Inverse: texts(n.html), Same: alike(n.markdown, n.html),
		Lossy: "fonts, colours, layout, scripts, hidden and embedded content, and how the markup is written",
	}
	text := mapping.Transform{
		In: psa.TypeText, Out: psa.TypeText, Forward: texts(plain), Inverse: texts(escaped), Same: alike(plain, escaped),
		Lossy: "all formatting, scripts, hidden and embedded content, and how the markup is written",
	}
	phone := func(s string) (string, error) { return canonicalPhone(s, opts.Region), nil }
	email := func(s string) (string, error) { return canonicalEmail(s), nil }
	return map[string]mapping.Transform{
		"html_to_markdown": markdown,
		"markdown_to_html": swapped(markdown),
		"html_to_text":     text,
		"text_to_html":     swapped(text),
		"phone":            folding(phone, "how the number was written"),
		"email":            folding(email, "space around the address, and how its domain was written"),
	}, nil
}

// texts makes a function of a map of one on texts.
func texts(f func(string) (string, error)) func(any) (any, error) {
	return func(v any) (any, error) {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("got a %T, want a text", v)
		}
		out, err := f(s)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

func swapped(t mapping.Transform) mapping.Transform {
	same := t.Same
	t.In, t.Out, t.Forward, t.Inverse = t.Out, t.In, t.Inverse, t.Forward
	t.Same = func(left, right any) bool { return same(right, left) }
	return t
}

// alike reports whether a rich text on the left and a plainer one on the right
// come to the same plainer text.
func alike(down, up func(string) (string, error)) func(left, right any) bool {
	return func(left, right any) bool {
		l, lok := left.(string)
		r, rok := right.(string)
		if !lok || !rok {
			return false
		}
		is, err := down(l)
		if err != nil || is == r {
			return err == nil
		}
		rich, err := up(r)
		if err != nil {
			return false
		}
		again, err := down(rich)
		return err == nil && is == again
	}
}

// folding makes a transform that writes canonical texts to the right and any
// text to the left.
func folding(f func(string) (string, error), lost string) mapping.Transform {
	same := func(s string) (string, error) { return s, nil }
	return mapping.Transform{In: psa.TypeString, Out: psa.TypeString, Forward: texts(f), Inverse: texts(same), Lossy: lost, Same: alike(f, same)}
}
