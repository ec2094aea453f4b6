package mapping

import (
	"fmt"
	"io/fs"
	"path"
)

// maxLayers bounds a chain of extends.
const maxLayers = 8

// Load reads a field map and the files it extends from fsys; extends is a path
// relative to the file. The error is an [*Error] with everything that is wrong
// with the files, or what reading them failed with.
func Load(fsys fs.FS, name string, opts *Options) (*Map, error) {
	var p problems
	root, files, err := loadLayers(fsys, name, &p, nil)
	if err != nil {
		return nil, err
	}
	if root == nil || len(p.list) > 0 {
		return nil, p.err()
	}
	return compileMap(root, files, opts, &p)
}

// loadLayers returns the merged tree of a file and what it extends.
func loadLayers(fsys fs.FS, name string, p *problems, above []string) (*node, []string, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping: %w", err)
	}
	root := parseYAML(name, src, p)
	if root == nil || root.kind != nodeMap {
		return root, []string{name}, nil
	}
	ext := root.get("extends")
	if ext == nil {
		return root, []string{name}, nil
	}
	base := path.Join(path.Dir(name), ext.text)
	above = append(above, name)
	switch {
	case ext.kind != nodeString || !fs.ValidPath(base):
		p.at(ext, "extends", "extends is %s; write a path relative to this file, e.g. base.yaml", describe(ext))
		return nil, nil, nil
	case len(above) > maxLayers:
		p.at(ext, "extends", "more than %d files extend each other", maxLayers)
		return nil, nil, nil
	}
	for _, a := range above {
		if a == base {
			p.at(ext, "extends", "%s extends itself", base)
			return nil, nil, nil
		}
	}
	below, files, err := loadLayers(fsys, base, p, above)
	if err != nil {
		p.at(ext, "extends", "%s cannot be read: %v", quote(base), err)
		return nil, nil, nil
	}
	if below == nil || below.kind != nodeMap {
		return nil, files, nil
	}
	return merger{p}.file(below, root), append(files, name), nil
}

// A Source is a file that is in memory already.
type Source struct {
	Name string // stands in front of every message
	Data []byte
}

// Merge lays files over a map, in their order: a field rule of a later one
// replaces the earlier rule, a rule that names no right field changes the
// options it has, value maps and create defaults merge by key, and ~ removes.
// A file need not be a map in itself. The error is an [*Error] with everything
// that is wrong with the files or with the result.
func Merge(base *Map, over ...Source) (*Map, error) {
	var p problems
	root, files := base.root, base.Files()
	for _, s := range over {
		top := parseYAML(s.Name, s.Data, &p)
		if top == nil {
			continue
		}
		if top.kind != nodeMap {
			p.at(top, "type", "a field map is %s; write a mapping", top.kind)
			continue
		}
		if e := top.get("extends"); e != nil {
			p.at(e, "extends", "extends is for files; what this one is laid over was given already")
		}
		root = merger{&p}.file(root, top)
		files = append(files, s.Name)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return compileMap(root, files, &base.opts, &p)
}

type merger struct{ p *problems }

// into lays top over base; deep tells what becomes of a key that both have.
// Positions are those of the layer a part comes from.
func (m merger) into(base, top *node, deep func(key string, b, t *node) *node) *node {
	out := *top
	out.keys, out.items = nil, nil
	for i, k := range base.keys {
		t := top.get(k.text)
		switch {
		case t == nil:
			out.keys, out.items = append(out.keys, k), append(out.items, base.items[i])
		case t.kind == nodeNull:
		default:
			key := k
			for j, tk := range top.keys {
				if tk.text == k.text && top.items[j] == t {
					key = tk
				}
			}
			out.keys, out.items = append(out.keys, key), append(out.items, deep(k.text, base.items[i], t))
		}
	}
	for i, k := range top.keys {
		if base.get(k.text) == nil {
			out.keys, out.items = append(out.keys, k), append(out.items, top.items[i])
		}
	}
	return &out
}

func replace(_ string, _, top *node) *node { return top }

// bothMaps merges where both are mappings, and replaces otherwise.
func (m merger) bothMaps(deep func(string, *node, *node) *node) func(string, *node, *node) *node {
	return func(_ string, b, t *node) *node {
		if b.kind != nodeMap || t.kind != nodeMap {
			return t
		}
		return m.into(b, t, deep)
	}
}

func (m merger) file(base, top *node) *node {
	return m.into(aliased(base), aliased(top), func(key string, b, t *node) *node {
		if key != "kinds" || b.kind != nodeMap || t.kind != nodeMap {
			return t
		}
		return m.into(b, t, m.bothMaps(m.kindPart))
	})
}

func (m merger) kindPart(key string, b, t *node) *node {
	if b.kind != nodeMap || t.kind != nodeMap {
		return t
	}
	switch key {
	case "scope":
		return m.into(b, t, replace)
	case "create", "constants":
		return m.into(sided(b), sided(t), m.bothMaps(replace))
	case "fields":
		return m.into(b, t, m.rule)
	}
	return t
}

// rule lays a rule over another one.
func (m merger) rule(_ string, b, t *node) *node {
	if t.kind != nodeMap {
		return t
	}
	t = aliased(t)
	if b.kind == nodeString { // the short form of {right: field}
		long := &node{kind: nodeMap, file: b.file, line: b.line, col: b.col}
		key := *b
		key.text = "right"
		long.keys, long.items = []*node{&key}, []*node{b}
		b = long
	}
	if b.kind != nodeMap {
		return t
	}
	b = aliased(b)
	if t.get("right") != nil {
		old := b.get("values")
		if nv := t.get("values"); old != nil && nv != nil && old.kind == nodeMap && nv.kind == nodeMap {
			keep := *b
			keep.keys, keep.items = nil, nil
			for i, k := range b.keys {
				if k.text == "values" {
					keep.keys, keep.items = append(keep.keys, k), append(keep.items, b.items[i])
				}
			}
			b = &keep
		} else {
			return t
		}
	}
	return m.into(b, t, func(key string, b, t *node) *node {
		if key != "values" && key != "prefer" || b.kind != nodeMap || t.kind != nodeMap {
			return t
		}
		return m.into(b, t, m.bothMaps(replace))
	})
}

// sided writes {left: n} for values that stand without a side.
func sided(n *node) *node {
	for _, k := range n.keys {
		if _, is := parseSide(k.text); !is {
			key := *n
			key.kind, key.text, key.keys, key.items = nodeString, "left", nil, nil
			return &node{kind: nodeMap, file: n.file, line: n.line, col: n.col, keys: []*node{&key}, items: []*node{n}}
		}
	}
	return aliased(n)
}

// aliased writes left and right for psa and app, so that layers meet.
func aliased(n *node) *node {
	out := *n
	out.keys = append([]*node(nil), n.keys...)
	for i, k := range out.keys {
		name, ok := map[string]string{"psa": "left", "app": "right"}[k.text]
		if ok && n.get(name) == nil {
			c := *k
			c.text = name
			out.keys[i] = &c
		}
	}
	return &out
}
