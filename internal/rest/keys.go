package rest

// A mark says what is to be done with a key.
type mark uint8

const (
	denied mark = 1 << iota
	volatile
)

// A keySet finds keys in rows. Most keys of a row are none of it, so lengths
// and first letters are looked at before names.
type keySet struct {
	names  []keyName
	length [64]bool
	first  [256]bool // lower case
}

type keyName struct {
	name string // ASCII letters in lower case
	mark mark
}

func newKeySet() *keySet { return &keySet{} }

func (k *keySet) add(name string, m mark) {
	if name == "" {
		return
	}
	low := make([]byte, len(name))
	for i := range len(name) {
		low[i] = lower(name[i])
	}
	k.names = append(k.names, keyName{string(low), m})
	k.length[min(len(low), len(k.length)-1)] = true
	k.first[low[0]] = true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// find returns the marks of a key, given as it stands between the quotes.
func (k *keySet) find(key []byte, escaped bool) mark {
	if escaped {
		quoted := make([]byte, 0, len(key)+2)
		quoted = append(append(append(quoted, '"'), key...), '"')
		key = unescape(quoted)
	}
	if len(key) == 0 || !k.length[min(len(key), len(k.length)-1)] || !k.first[lower(key[0])] {
		return 0
	}
	var m mark
	for i := range k.names {
		if n := &k.names[i]; len(n.name) == len(key) && foldEqual(key, n.name) {
			m |= n.mark
		}
	}
	return m
}

func foldEqual(key []byte, name string) bool {
	for i := range key {
		if lower(key[i]) != name[i] {
			return false
		}
	}
	return true
}

// cut returns row without the members whose keys have one of the marks: row
// itself if none was found in it, otherwise appended to dst.
func (k *keySet) cut(dst, row []byte, found, drop mark) ([]byte, error) {
	if found&drop == 0 {
		return row, nil
	}
	dst, end, err := k.copy(dst, row, space(row, 0), drop)
	if err != nil {
		return nil, err
	}
	if space(row, end) != len(row) {
		return nil, errMore
	}
	return dst, nil
}

// copy appends the value at b[i] to dst, less members to be dropped. It never
// writes past what it has read, so that dst may be the beginning of b. Depth
// was checked when the row was scanned.
func (k *keySet) copy(dst, b []byte, i int, drop mark) (_ []byte, end int, err error) {
	if i >= len(b) {
		return nil, 0, errCut
	}
	var closing byte
	switch b[i] {
	case '{':
		closing = '}'
	case '[':
		closing = ']'
	default:
		end, _, err := scanValue(b, i, nil)
		if err != nil {
			return nil, 0, err
		}
		return append(dst, b[i:end]...), end, nil
	}
	dst = append(dst, b[i])
	i = space(b, i+1)
	if i < len(b) && b[i] == closing {
		return append(dst, closing), i + 1, nil
	}
	for empty := true; ; {
		keep := true
		var head []byte
		if closing == '}' {
			start := i
			if i >= len(b) || b[i] != '"' {
				return nil, 0, errSyntax
			}
			end, escaped, err := scanString(b, i)
			if err != nil {
				return nil, 0, err
			}
			head = b[start:end]
			keep = k.find(head[1:len(head)-1], escaped)&drop == 0
			i = space(b, end)
			if i >= len(b) || b[i] != ':' {
				return nil, 0, errSyntax
			}
			i = space(b, i+1)
		}
		if keep {
			if !empty {
				dst = append(dst, ',')
			}
			empty = false
			if head != nil {
				dst = append(append(dst, head...), ':')
			}
			dst, i, err = k.copy(dst, b, i, drop)
		} else {
			i, _, err = scanValue(b, i, nil)
		}
		if err != nil {
			return nil, 0, err
		}
		i = space(b, i)
		if i >= len(b) {
			return nil, 0, errCut
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case closing:
			return append(dst, closing), i + 1, nil
		default:
			return nil, 0, errSyntax
		}
	}
}
