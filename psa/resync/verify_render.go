package resync

import (
	"fmt"
	"io"
	"strings"

	"github.com/psasync/psasync/internal/text"
)

// WriteJSON writes the verification in its stable form, indented.
func (v *Verification) WriteJSON(w io.Writer) error { return text.WriteJSON(w, v) }

// String is the form of WriteText.
func (v *Verification) String() string { return text.Of(v.WriteText) }

// WriteText writes the verification for a terminal, one item a line.
func (v *Verification) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Verification of %s, version %d of %s: %s\n", text.Clip(v.Source), v.Version, text.Stamp(v.At), v.Verdict())
	for _, i := range v.Items {
		fmt.Fprintf(&b, "%s  %-13s  %s\n", i.Verdict, i.Check, text.ClipTo(i.Message, maxReason))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown writes the verification for a ticket or a chat.
func (v *Verification) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Verification of %s: %s\n\nVersion %d of %s.\n\n| | check | |\n| --- | --- | --- |\n",
		md(v.Source), v.Verdict(), v.Version, text.Stamp(v.At))
	for _, i := range v.Items {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", i.Verdict, i.Check, md(text.ClipTo(i.Message, maxReason)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
