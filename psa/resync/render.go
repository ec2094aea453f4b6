package resync

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/psasync/psasync/internal/text"
	"github.com/psasync/psasync/psa"
)

// WriteJSON writes the report in its stable form, indented.
func (r *Report) WriteJSON(w io.Writer) error { return text.WriteJSON(w, r) }

// String is the form of WriteText.
func (r *Report) String() string { return text.Of(r.WriteText) }

// WriteText writes the report for a terminal. Values from the PSA are quoted,
// so that they cannot act on it. The first copy of a kind is one line; the other
// forms name its rows.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Resync of %s: %s\n", text.Clip(r.Source), r.headline())
	for _, line := range r.facts() {
		fmt.Fprintf(&b, "%s\n", line)
	}
	for i, k := range r.Kinds {
		if k.quiet() {
			continue
		}
		if r.first(k) { // everything is new; the rows are no news
			if i == 0 || !r.first(r.Kinds[i-1]) {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%s: %s\n", k.title(), text.Plural(k.Rows, "row"))
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", k.summary())
		k.rows(func(mark string, row RowReport) {
			fmt.Fprintf(&b, "  %s %s\n", mark, row.title())
			for _, c := range row.Changes {
				fmt.Fprintf(&b, "      %s: %s -> %s\n", text.Clip(c.Field), format(c.Old), format(c.New))
			}
			more(&b, "      ", row.ChangesCount-len(row.Changes))
		}, func(n int) { more(&b, "  ", n) })
		if k.Stale != "" {
			fmt.Fprintf(&b, "  STALE since %s: %s\n", text.Stamp(k.StaleSince), k.Stale)
			if k.Advice != "" {
				fmt.Fprintf(&b, "  %s\n", k.Advice)
			}
		}
		for _, warning := range k.Warnings {
			fmt.Fprintf(&b, "  ! %s\n", warning)
		}
		more(&b, "  ", k.WarningsCount-len(k.Warnings))
	}
	if kinds, rows := r.quietKinds(); len(kinds) > 0 {
		fmt.Fprintf(&b, "\nNothing new in %s (%s)\n", strings.Join(kinds, ", "), text.Plural(rows, "row"))
	}
	findings := func(title string, list []psa.Finding, count int) {
		if count == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s (%d)\n", title, count)
		for _, f := range list {
			fmt.Fprintf(&b, "  %s\n", findingLine(f))
		}
		more(&b, "  ", count-len(list))
	}
	findings("To look at in the PSA", r.Findings, r.FindingsCount)
	findings("Impact on registered maps", r.Impact, r.ImpactCount)
	if r.Error != "" {
		fmt.Fprintf(&b, "\nError: %s\n", r.Error)
	}
	if r.Advice != "" {
		fmt.Fprintf(&b, "%s\n", r.Advice)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown writes the report for a ticket or a chat. Values from the PSA
// are escaped.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Resync of %s: %s\n\n", md(r.Source), md(r.headline()))
	for _, line := range r.facts() {
		fmt.Fprintf(&b, "- %s\n", md(line))
	}
	b.WriteString("\n| kind | rows | added | changed | removed | unchanged | |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, k := range r.Kinds {
		note := ""
		if k.Stale != "" {
			note = "stale"
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %s |\n", md(k.title()), k.Rows, k.Added, k.Changed, k.Removed, k.Unchanged, note)
	}
	for _, k := range r.Kinds {
		if k.quiet() {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", md(k.title()))
		if k.Stale != "" {
			fmt.Fprintf(&b, "**Stale** since %s: %s\n\n", text.Stamp(k.StaleSince), md(k.Stale))
			if k.Advice != "" {
				fmt.Fprintf(&b, "%s\n\n", md(k.Advice))
			}
		}
		k.rows(func(mark string, row RowReport) {
			fmt.Fprintf(&b, "- %s %s\n", marks[mark], md(row.title()))
			for _, c := range row.Changes {
				fmt.Fprintf(&b, "  - %s: %s → %s\n", md(text.Clip(c.Field)), md(format(c.Old)), md(format(c.New)))
			}
			more(&b, "  - ", row.ChangesCount-len(row.Changes))
		}, func(n int) { more(&b, "- ", n) })
		for _, warning := range k.Warnings {
			fmt.Fprintf(&b, "- warning: %s\n", md(warning))
		}
		more(&b, "- ", k.WarningsCount-len(k.Warnings))
	}
	findings := func(title string, list []psa.Finding, count int) {
		if count == 0 {
			return
		}
		fmt.Fprintf(&b, "\n## %s (%d)\n\n", title, count)
		for _, f := range list {
			fmt.Fprintf(&b, "- %s\n", md(findingLine(f)))
		}
		more(&b, "- ", count-len(list))
	}
	findings("To look at in the PSA", r.Findings, r.FindingsCount)
	findings("Impact on registered maps", r.Impact, r.ImpactCount)
	if r.Error != "" {
		fmt.Fprintf(&b, "\n**Error:** %s\n", md(r.Error))
	}
	if r.Advice != "" {
		fmt.Fprintf(&b, "\n%s\n", md(r.Advice))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var marks = map[string]string{"+": "added", "~": "changed", "-": "removed"}

// headline says how the run ended.
func (r *Report) headline() string {
	s := string(r.Outcome)
	if r.DryRun {
		s += " (dry run, nothing was written)"
	}
	if r.Repeated {
		s += " (report of the last run; it is too soon for another)"
	}
	return s
}

// facts are the lines on the run as a whole.
func (r *Report) facts() []string {
	added, changed, removed := r.Changes()
	var lines []string
	if i := r.Instance; i.ID != "" {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s account %s %s", text.Clip(r.Provider), formatRef(i.ID, i.Name), text.Clip(i.Version))))
	}
	var phases []string
	for _, p := range r.Phases {
		phases = append(phases, fmt.Sprintf("%s %s", p.Phase, span(p.Duration)))
	}
	took := fmt.Sprintf("Run %s at %s took %s", r.Run, text.Stamp(r.Started), span(r.Duration))
	if len(phases) > 0 {
		took += " (" + strings.Join(phases, ", ") + ")"
	}
	if r.Slow {
		took += ", which is slow"
	}
	lines = append(lines, took)
	requests := text.Plural(r.Trace.Requests, "request")
	if r.Trace.Retries > 0 {
		requests += fmt.Sprintf(", %d of them repeated", r.Trace.Retries)
	}
	if r.Trace.Limited > 0 {
		requests += fmt.Sprintf(", %d refused by the vendor's limit", r.Trace.Limited)
	}
	if r.Trace.Wait > 0 {
		// Requests wait side by side, so this may be longer than the run.
		requests += fmt.Sprintf(", which waited for limits %s in all", span(r.Trace.Wait))
	}
	lines = append(lines, requests)
	version := fmt.Sprintf("Version %d", r.From)
	if r.Version != 0 && r.Version != r.From {
		version += fmt.Sprintf(" -> %d", r.Version)
	}
	lines = append(lines, fmt.Sprintf("%s: %d added, %d changed, %d removed", version, added, changed, removed))
	for _, g := range r.Guarded {
		lines = append(lines, fmt.Sprintf("Guard: %d of %d rows of %s would be removed", g.Removed, g.Before, g.Kind))
	}
	if r.Token != "" && r.Version == 0 {
		lines = append(lines, "Token to accept exactly these removals: "+r.Token)
	}
	return lines
}

func (r *Report) quietKinds() (kinds []string, rows int) {
	for _, k := range r.Kinds {
		if k.quiet() {
			kinds = append(kinds, string(k.Kind))
			rows += k.Rows
		}
	}
	return kinds, rows
}

// first reports whether a kind was read for the first time, and completely.
func (r *Report) first(k KindReport) bool {
	return r.From == 0 && k.Added == k.Rows && k.Stale == "" && k.WarningsCount == 0
}

func (k *KindReport) quiet() bool {
	return k.Added+k.Changed+k.Removed == 0 && k.Stale == "" && k.WarningsCount == 0
}

// title is the kind with the vendor's word for it.
func (k *KindReport) title() string {
	if k.Term == "" || strings.EqualFold(k.Term, string(k.Kind)) {
		return string(k.Kind)
	}
	return fmt.Sprintf("%s (%s)", k.Kind, text.Clip(k.Term))
}

func (k *KindReport) summary() string {
	return fmt.Sprintf("%s: %s, %d added, %d changed, %d removed", k.title(), text.Plural(k.Rows, "row"), k.Added, k.Changed, k.Removed)
}

// rows calls f for each listed row and left where there are more.
func (k *KindReport) rows(f func(mark string, row RowReport), left func(int)) {
	for _, part := range []struct {
		mark  string
		rows  []RowReport
		count int
	}{{"+", k.AddedRows, k.Added}, {"~", k.ChangedRows, k.Changed}, {"-", k.RemovedRows, k.Removed}} {
		for _, row := range part.rows {
			f(part.mark, row)
		}
		left(part.count - len(part.rows))
	}
}

func (r RowReport) title() string {
	s := formatRef(r.ID, r.Name)
	if r.Parent != "" {
		s += " of " + text.Clip(r.Parent)
	}
	return s
}

func findingLine(f psa.Finding) string {
	parts := []string{f.Severity.String(), f.Code}
	if f.Kind != "" {
		where := string(f.Kind)
		if f.ID != "" {
			where += "/" + text.Clip(f.ID)
		}
		parts = append(parts, where)
	}
	if f.Where != "" {
		parts = append(parts, text.Clip(f.Where))
	}
	return strings.Join(parts, " ") + ": " + text.ClipTo(f.Message, maxReason)
}

func more(b *strings.Builder, indent string, n int) {
	if n > 0 {
		fmt.Fprintf(b, "%s... and %d more\n", indent, n)
	}
}

// span rounds a duration to three digits or so.
func span(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= 100*unit {
			return d.Round(unit).String()
		}
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// md escapes what Markdown or HTML would act on.
func md(s string) string { return mdEscaper.Replace(s) }

var mdEscaper = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "~", `\~`, "!", `\!`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "\n", " ", "\r", " ",
)
