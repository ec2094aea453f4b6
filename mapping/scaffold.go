package mapping

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/psa"
)

// ScaffoldOptions say what Scaffold writes. The zero value, and nil, take every
// record kind that both sides offer.
type ScaffoldOptions struct {
	LeftName, RightName string
	Kinds               []psa.Kind
	// LeftFeatures and RightFeatures tell which fields belong together; those
	// without a partner are then left to their side.
	LeftFeatures, RightFeatures psa.Features
}

// Scaffold writes a first field map from what two systems offer at present.
// Fields and values are matched by their names; what was guessed is marked
// "guess" in a comment, and what found no partner is listed. The result lints
// without errors against the same catalogs.
func Scaffold(left, right psa.Catalog, opts *ScaffoldOptions) []byte {
	if opts == nil {
		opts = &ScaffoldOptions{}
	}
	kinds := opts.Kinds
	if kinds == nil {
		kinds = psa.RecordKinds()
	}
	s := &scaffold{cats: [2]psa.Catalog{left, right}, opts: opts}
	for _, k := range kinds {
		s.kind(k)
	}
	// A guess that the linter refuses becomes a comment; each round settles at
	// least one.
	for range 100 {
		src, starts := s.render()
		m, err := Parse("scaffold", src, nil)
		cfg := &Config{Left: left, Right: right, LeftFeatures: opts.LeftFeatures, RightFeatures: opts.RightFeatures}
		if err != nil || !s.retract(m.LintWith(cfg), starts) {
			return src
		}
	}
	src, _ := s.render()
	return src
}

type scaffold struct {
	cats  [2]psa.Catalog
	opts  *ScaffoldOptions
	kinds []*scaffoldKind
}

type scaffoldKind struct {
	kind   psa.Kind
	match  string
	create [2][]entry
	rules  []entry
	rest   [2][]string // fields without a partner
}

// An entry is some lines of the map that stand or fall together.
type entry struct {
	lines []string
	off   bool
}

func (s *scaffold) kind(k psa.Kind) {
	fields := [2][]psa.Field{captioned(s.cats[Left].Fields(k)), captioned(s.cats[Right].Fields(k))}
	if len(fields[Left]) == 0 || len(fields[Right]) == 0 {
		return
	}
	sk := &scaffoldKind{kind: k}
	used := [2]map[string]bool{{}, {}}
	for _, p := range pairs(k, fields[Left], fields[Right]) {
		if used[Left][p.left.Name] || used[Right][p.right.Name] || p.left.ReadOnly && p.right.ReadOnly {
			continue
		}
		used[Left][p.left.Name], used[Right][p.right.Name] = true, true
		sk.rules = append(sk.rules, s.rule(p))
	}
	slices.SortStableFunc(sk.rules, func(a, b entry) int { return strings.Compare(a.lines[0], b.lines[0]) })
	for side := range fields {
		for _, f := range fields[side] {
			if used[side][f.Name] || f.Name == "custom" || f.Name == "id" {
				continue
			}
			if f.Required && !f.ReadOnly {
				sk.create[side] = append(sk.create[side], s.defaultFor(f, Side(side)))
				continue
			}
			sk.rest[side] = append(sk.rest[side], yamlText(fieldKey(f)))
		}
	}
	for side, features := range []psa.Features{s.opts.LeftFeatures, s.opts.RightFeatures} {
		for _, g := range features[k].Groups {
			sk.leave(Side(side), g, used[side])
		}
	}
	sk.match = matchGuess(k, fields)
	s.kinds = append(s.kinds, sk)
}

// leave says of the fields of a group that have no partner that they are left
// to their side, if others of the group are mapped.
func (sk *scaffoldKind) leave(side Side, group []string, used map[string]bool) {
	if !slices.ContainsFunc(group, func(f string) bool { return used[f] }) {
		return
	}
	for _, f := range group {
		filled := slices.ContainsFunc(sk.create[side], func(e entry) bool { return strings.HasPrefix(e.lines[0], f+":") })
		if !used[f] && !filled {
			sk.create[side] = append(sk.create[side], entry{lines: []string{f + ": ~  # goes with mapped fields and has no partner: left to the " + side.String() + " side"}})
		}
	}
}

func matchGuess(k psa.Kind, fields [2][]psa.Field) string {
	has := func(side Side, name string) bool { _, ok := findField(fields[side], name); return ok }
	var m []string
	if has(Left, "external_ref") && has(Right, "id") {
		m = append(m, "{left: external_ref, right: id}")
	}
	for _, name := range []string{"email", "name"} {
		if (k == psa.KindContact && name == "email" || k == psa.KindCompany && name == "name") && has(Left, name) && has(Right, name) {
			m = append(m, "{left: "+name+", right: "+name+"}")
		}
	}
	return strings.Join(m, ", ")
}

type fieldPair struct {
	left, right psa.Field
	score       int // 100: the same name
	transform   string
}

// synonyms are words that hosts use for canonical fields.
var synonyms = map[string][]string{
	"summary": {"title", "subject", "name"}, "description": {"body", "details", "text", "content"},
	"company": {"client", "customer", "account", "organization", "organisation"}, "contact": {"requester", "user", "end_user", "reporter", "caller"},
	"owner": {"assignee", "agent", "technician", "resource", "assigned_to"}, "board": {"queue", "department", "project"}, "team": {"group", "queue"},
	"status": {"state", "stage"}, "due_at": {"due", "due_date", "deadline"}, "budget_hours": {"estimate", "estimated_hours", "estimate_minutes"},
	"hours": {"duration", "time_spent", "minutes", "duration_minutes"}, "start_at": {"started_at", "start", "from"}, "end_at": {"ended_at", "end", "until"},
	"number": {"key", "reference", "ticket_number"}, "source": {"channel", "origin"}, "first_name": {"given_name"}, "last_name": {"surname", "family_name"},
	"phone": {"telephone"}, "mobile": {"cell"}, "email": {"mail", "email_address"}, "text": {"body", "content", "comment"},
	"visibility": {"privacy", "audience"}, "member": {"agent", "technician", "author"}, "notes": {"comment", "description"}, "type": {"category"},
	"external_ref": {"external_id"}, "work_type": {"activity"}, "agreement": {"contract"},
}

// pairs returns the pairs of fields that may belong together, the surest first.
func pairs(_ psa.Kind, left, right []psa.Field) []fieldPair {
	var all []fieldPair
	for _, l := range left {
		for _, r := range right {
			p := fieldPair{left: l, right: r, score: likeness(l, r)}
			if p.score == 0 || !p.fit() {
				continue
			}
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b fieldPair) int { return cmp.Compare(b.score, a.score) })
	return all
}

// fit finds how values get from one field to the other; false if they cannot.
func (p *fieldPair) fit() bool {
	if p.left.Type == psa.TypeNumber && p.right.Type == psa.TypeNumber && p.left.Unit == "hours" {
		if p.right.Unit == "minutes" || strings.Contains(p.right.Name, "minutes") {
			p.transform = "hours_to_minutes"
		} else if p.right.Unit == "seconds" || strings.Contains(p.right.Name, "seconds") {
			p.transform = "hours_to_seconds"
		}
	}
	switch p.left.Type {
	case psa.TypeObject, psa.TypeList:
		return false
	}
	if p.left.Options != nil && isConfig(p.right) {
		return true // an option becomes a row, by a value map
	}
	return p.left.Type == p.right.Type || compatible(p.left.Type, p.right.Type) && p.right.Type != psa.TypeRef
}

func foldName(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(s))
}

func likeness(l, r psa.Field) int {
	ln, rn := foldName(cmp.Or(l.Caption, l.Name)), foldName(cmp.Or(r.Caption, r.Name))
	switch {
	case ln == rn:
		return 100
	case slices.ContainsFunc(synonyms[l.Name], func(s string) bool { return foldName(s) == rn }):
		return 90 - slices.IndexFunc(synonyms[l.Name], func(s string) bool { return foldName(s) == rn })
	case len(ln) > 3 && len(rn) > 3 && distance(ln, rn, 3) < 1+min(len(ln), len(rn))/6:
		return 60
	}
	return 0
}

// captioned drops the captions that cannot stand in a map: two fields share
// them, or they hold what would need escapes.
func captioned(fields []psa.Field) []psa.Field {
	fields = slices.Clone(fields)
	count := map[string]int{}
	for _, f := range fields {
		count[foldCaption(f.Caption)]++
	}
	for i := range fields {
		c := fields[i].Caption
		if count[foldCaption(c)] > 1 || strings.TrimSpace(c) != c || strings.ContainsAny(c, "\"'\\[]\t\n\r") {
			fields[i].Caption = ""
		}
	}
	return fields
}

func foldCaption(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

func fieldKey(f psa.Field) string {
	if strings.HasPrefix(f.Name, "custom.") && f.Caption != "" {
		return `custom["` + f.Caption + `"]`
	}
	return f.Name
}

func (s *scaffold) rule(p fieldPair) entry {
	opts := []string{"right: " + yamlText(fieldKey(p.right))}
	switch {
	case p.left.ReadOnly:
		opts = append(opts, "direction: to_right")
	case p.right.ReadOnly:
		opts = append(opts, "direction: to_left")
	}
	if p.transform != "" {
		opts = append(opts, "transform: "+p.transform)
	}
	if p.left.Kind == psa.KindMember {
		opts = append(opts, "member: {by: email, unmatched: hold}")
	}
	note := ""
	if p.score < 100 {
		note = "  # guess: similar names"
	}
	key := yamlText(fieldKey(p.left))
	values := s.values(p)
	switch {
	case len(values) > 0:
		lines := []string{key + ":" + note}
		for _, o := range opts {
			lines = append(lines, "  "+o)
		}
		return entry{lines: append(lines, values...)}
	case len(opts) == 1:
		return entry{lines: []string{key + ": " + yamlText(fieldKey(p.right)) + note}}
	}
	return entry{lines: []string{key + ": {" + strings.Join(opts, ", ") + "}" + note}}
}

// isConfig reports whether a field refers to rows of configuration other than
// members, who are matched by rules of their own.
func isConfig(f psa.Field) bool {
	return f.Type == psa.TypeRef && f.Kind != "" && !f.Kind.IsRecord() && f.Kind != psa.KindMember
}

// A choice is a value that may be chosen: as maps write it, and as people call
// it.
type choice struct{ text, name string }

// comment tells the name where the text is a code.
func (c choice) comment() string {
	if c.text == c.name {
		return ""
	}
	return " " + strings.Join(strings.Fields(c.name), " ")
}

// choices returns what a side offers for a field, nil if that is nothing in
// particular.
func (s *scaffold) choices(f psa.Field, side Side) []choice {
	switch {
	case isConfig(f):
		return rowChoices(s.cats[side].Options(f.Kind, ""))
	case f.Options != nil:
		all := make([]choice, len(f.Options))
		for i, o := range f.Options {
			if all[i] = (choice{o, o}); len(f.Labels) == len(f.Options) {
				all[i].name = cmp.Or(f.Labels[i], o)
			}
		}
		return all
	}
	return nil
}

func rowChoices(opts psa.Options) []choice {
	all := make([]choice, len(opts))
	for i, o := range opts {
		all[i] = choice{o.Name, o.Name}
	}
	return all
}

// values guesses a value map where both sides have options.
func (s *scaffold) values(p fieldPair) []string {
	from, to := s.choices(p.left, Left), s.choices(p.right, Right)
	if from == nil || to == nil {
		return nil
	}
	var scopes []psa.Scope
	if isConfig(p.left) {
		scopes = s.cats[Left].Scopes(p.left.Kind)
	}
	if len(scopes) == 0 {
		lines, prefer := valueLines(from, to, "    ")
		return s.valueBlock("  values:", lines, prefer)
	}
	var lines []string
	prefer := map[string]string{}
	for _, scope := range s.cats[Left].Options(scopes[0].Kind, "") {
		inside, pre := valueLines(rowChoices(s.cats[Left].Options(p.left.Kind, scope.ID)), to, "      ")
		if slices.ContainsFunc(inside, func(l string) bool { return !strings.HasPrefix(strings.TrimSpace(l), "#") }) {
			lines = append(lines, "    "+yamlText(scope.Name)+":")
		} else if len(inside) > 0 {
			lines = append(lines, "    # "+yamlText(scope.Name)+":")
		}
		lines = append(lines, inside...)
		maps.Copy(prefer, pre)
	}
	return s.valueBlock("  per: "+string(scopes[0].Kind)+"\n  values:", lines, prefer)
}

func (s *scaffold) valueBlock(head string, lines []string, prefer map[string]string) []string {
	if !slices.ContainsFunc(lines, func(l string) bool { return !strings.HasPrefix(strings.TrimSpace(l), "#") }) {
		return nil
	}
	out := append(strings.Split(head, "\n"), lines...)
	if len(prefer) > 0 {
		out = append(out, "  prefer:  # guess: what a shared value goes back to")
		for _, k := range slices.Sorted(maps.Keys(prefer)) {
			out = append(out, "    "+yamlText(k)+": "+yamlText(prefer[k]))
		}
	}
	return out
}

func valueLines(from, to []choice, indent string) (lines []string, prefer map[string]string) {
	prefer = map[string]string{}
	first := map[string]string{}
	seen := map[string]bool{}
	for _, o := range from {
		if seen[o.text] || strings.TrimSpace(o.text) == "" {
			continue
		}
		seen[o.text] = true
		best, sure := nearestChoice(o.name, to)
		note := o.comment()
		if note != "" && best.comment() != "" {
			note += " ="
		}
		note += best.comment()
		switch {
		case best.text == "":
			if note != "" {
				note = " (" + strings.TrimSpace(note) + ")"
			}
			lines = append(lines, indent+"# "+yamlText(o.text)+note+": no value found that is like it; held until you add one")
			continue
		case !sure:
			note = " guess" + map[bool]string{true: ":"}[note != ""] + note
		}
		if note != "" {
			note = "  #" + note
		}
		lines = append(lines, indent+yamlText(o.text)+": "+yamlText(best.text)+note)
		if was, dup := first[best.text]; dup {
			prefer[best.text] = was
			continue
		}
		first[best.text] = o.text
	}
	return lines, prefer
}

var wordSyntax = regexp.MustCompile(`[\p{L}\p{N}]+`)

// optionWords are words that desks use for the same state or urgency.
var optionWords = map[string]string{
	"medium": "normal", "standard": "normal", "urgent": "critical", "emergency": "critical", "open": "new", "received": "new", "reopened": "new",
	"working": "progress", "assigned": "progress", "active": "progress", "solved": "closed", "resolved": "closed", "done": "closed",
	"completed": "closed", "complete": "closed", "pending": "waiting", "hold": "waiting", "paused": "waiting", "mail": "email", "call": "phone",
}

// words returns the words of an option's name, synonyms made one.
func words(name string) []string {
	all := wordSyntax.FindAllString(strings.ToLower(name), -1)
	for i, w := range all {
		all[i] = cmp.Or(optionWords[w], w)
	}
	return all
}

// nearestChoice returns the choice that shares most words with a name.
func nearestChoice(name string, among []choice) (best choice, sure bool) {
	mine := words(name)
	score := 0.0
	names := make([]string, 0, len(among))
	for _, c := range among {
		if strings.TrimSpace(c.text) == "" {
			continue
		}
		if strings.EqualFold(c.name, name) {
			return c, true
		}
		names = append(names, c.name)
		theirs := words(c.name)
		shared := 0
		for _, w := range theirs {
			if slices.Contains(mine, w) {
				shared++
			}
		}
		if sc := 2 * float64(shared) / float64(len(mine)+len(theirs)); shared > 0 && sc > score {
			best, score = c, sc
		}
	}
	if near := nearest(name, names); best.text == "" && near != "" {
		best = among[slices.IndexFunc(among, func(c choice) bool { return c.name == near })]
	}
	return best, false
}

// defaultFor guesses what a required field without a partner holds on create.
func (s *scaffold) defaultFor(f psa.Field, side Side) entry {
	v := yamlText("(set by the field map)")
	switch f.Type {
	case psa.TypeNumber:
		v = "0"
	case psa.TypeBool:
		v = "false"
	case psa.TypeTime:
		v = `"2000-01-01T00:00:00Z"`
	case psa.TypeDate:
		v = `"2000-01-01"`
	case psa.TypeRef:
		v = `{id: "1"}`
		opts := s.cats[side].Options(f.Kind, "")
		if i := max(0, slices.IndexFunc(opts, func(o psa.Option) bool { return o.Default })); len(opts) > 0 {
			v = yamlText(opts[i].Name)
		}
	}
	return entry{lines: []string{yamlText(fieldKey(f)) + ": " + v + "  # guess: required, and nothing fills it"}}
}

var printable = regexp.MustCompile(`^[ -&(-~]*$`) // ASCII without the apostrophe

var plainYAML = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_ ./()&-]*$`)

// yamlText writes a text so that the parser of this package reads it back.
func yamlText(s string) string {
	switch low := strings.ToLower(s); {
	case strings.Contains(s, `"`) && printable.MatchString(s):
		return "'" + s + "'"
	case !plainYAML.MatchString(s), strings.TrimSpace(s) != s, yesNo.MatchString(s), low == "true", low == "false", low == "null", low == "y", low == "n":
		return strconv.Quote(s)
	}
	return s
}

// render writes the file and tells in which line each entry starts.
func (s *scaffold) render() (src []byte, starts map[int]*entry) {
	var b strings.Builder
	line := 0
	starts = map[int]*entry{}
	put := func(format string, args ...any) {
		fmt.Fprintf(&b, format+"\n", args...)
		line++
	}
	entries := func(list []entry, indent string) {
		for i := range list {
			mark := ""
			if list[i].off {
				mark = "# "
			}
			for _, l := range list[i].lines {
				put("%s%s%s", indent, mark, l)
				starts[line] = &list[i]
			}
		}
	}
	put("# A first field map, made from what both systems offer. Look at every guess,")
	put("# then lint it: rules under # are not active.")
	put("version: 1")
	put("left: %s", yamlText(cmp.Or(s.opts.LeftName, "psa")))
	put("right: %s", yamlText(cmp.Or(s.opts.RightName, "app")))
	if len(s.kinds) == 0 {
		put("kinds: {}")
	} else {
		put("kinds:")
	}
	for _, k := range s.kinds {
		put("  %s:", k.kind)
		if k.match != "" {
			put("    match: [%s]", k.match)
		}
		if len(active(k.create[Left]))+len(active(k.create[Right])) > 0 {
			put("    create:")
			for side := range k.create {
				if len(active(k.create[side])) > 0 {
					put("      %s:", Side(side))
				}
				entries(k.create[side], "        ")
			}
		}
		if len(active(k.rules)) == 0 {
			put("    fields: {}")
		} else {
			put("    fields:")
		}
		entries(k.rules, "      ")
		for side, rest := range k.rest {
			if len(rest) > 0 {
				put("    # %s fields without a rule: %s", Side(side), strings.Join(rest, ", "))
			}
		}
	}
	return []byte(b.String()), starts
}

func active(list []entry) []entry {
	return slices.DeleteFunc(slices.Clone(list), func(e entry) bool { return e.off })
}

// retract turns entries with errors into comments.
func (s *scaffold) retract(found []psa.Finding, starts map[int]*entry) bool {
	changed := false
	for _, f := range found {
		if f.Severity != psa.Failure {
			continue
		}
		parts := strings.Split(f.Where, ":")
		line, err := strconv.Atoi(parts[1])
		if e := starts[line]; err == nil && e != nil && !e.off {
			e.off, changed = true, true
		}
	}
	return changed
}
