package mapping

import "github.com/psasync/psasync/psa"

// refNames tells the names of the rows that a field refers to. Autotask and
// HaloPSA send ids alone, and maps speak of names.
type refNames struct {
	field string
	names map[string]string // by id
}

// refNames returns those of a side's references to configuration; none without
// a catalog.
func (c *kindCompiler) refNames(s Side) []refNames {
	cat := c.cfg.catalog(s)
	if cat == nil {
		return nil
	}
	var refs []refNames
	of := map[psa.Kind]map[string]string{}
	for _, f := range c.fields[s] {
		if f.Type != psa.TypeRef || f.Kind == "" || f.Kind.IsRecord() {
			continue
		}
		names, ok := of[f.Kind]
		if !ok {
			names = map[string]string{}
			for _, o := range cat.Options(f.Kind, "") {
				names[o.ID] = o.Name
			}
			of[f.Kind] = names
		}
		if len(names) > 0 {
			refs = append(refs, refNames{f.Name, names})
		}
	}
	return refs
}

// named returns fields with the names of references that came without. The
// given fields stay as they are.
func (k *kindMapper) named(s Side, fields psa.Fields) psa.Fields {
	out, copied := fields, false
	for i := range k.refs[s] {
		r, ok := fields[k.refs[s][i].field].(psa.Fields)
		if !ok || r.String("name") != "" {
			continue
		}
		id := r.String("id")
		name := k.refs[s][i].names[id]
		if name == "" {
			continue // inactive, or not read yet: it goes by its id
		}
		if !copied {
			out = make(psa.Fields, len(fields))
			for n, v := range fields {
				out[n] = v
			}
			copied = true
		}
		out[k.refs[s][i].field] = psa.Reference{ID: id, Name: name}.Fields()
	}
	return out
}
