package resync

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes the verification in its stable form, indented.
func (v *Verification) WriteJSON(w io.Writer) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// String is the form of WriteText.
func (v *Verification) String() string {
	var b strings.Builder
	_ = v.WriteText(&b) // a Builder never fails
	return b.String()
}

// WriteText writes the verification for a terminal, one item a line.
func (v *Verification) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Verification of %s, version %d of %s: %s\n", clip(v.Source), v.Version, stamp(v.At), v.Verdict())
	for _, i := range v.Items {
		fmt.Fprintf(&b, "%s  %-13s  %s\n", i.Verdict, i.Check, clipTo(i.Message, maxReason))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown writes the verification for a ticket or a chat.
func (v *Verification) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Verification of %s: %s\n\nVersion %d of %s.\n\n| | check | |\n| --- | --- | --- |\n",
		md(v.Source), v.Verdict(), v.Version, stamp(v.At))
	for _, i := range v.Items {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", i.Verdict, i.Check, md(clipTo(i.Message, maxReason)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
