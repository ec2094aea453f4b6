package halopsatest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// maxBody bounds the body of a request.
const maxBody = 16 << 20

// body reads the rows of a POST: a JSON array, even for one.
func (c *call) body(e *endpoint) ([]Row, *apiError) {
	if !strings.Contains(c.r.Header.Get("Content-Type"), "json") {
		return nil, &apiError{status: http.StatusUnsupportedMediaType}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	if err != nil {
		return nil, binding("", "The body cannot be read.")
	}
	v, err := simulator.Decode(raw)
	if err != nil {
		return nil, binding("", "Unexpected character encountered while parsing value. Path '', line 1, position 1.")
	}
	list, ok := v.([]any)
	if !ok {
		return nil, binding("", `Cannot deserialize the current JSON object (e.g. {"name":"value"}) into type 'System.Collections.Generic.List' because the type requires a JSON array (e.g. [1,2,3]) to deserialize correctly.`)
	}
	if len(list) == 0 {
		return nil, refusedText("No data was received.")
	}
	out := make([]Row, len(list))
	for i, el := range list {
		m, ok := el.(map[string]any)
		if !ok {
			return nil, binding(fmt.Sprintf("[%d]", i), fmt.Sprintf("Error converting value to an object. Path '[%d]', line 1, position 1.", i))
		}
		row, aerr := c.bind(c.t.api.ent(e), m, i, raw)
		if aerr != nil {
			return nil, aerr
		}
		out[i] = row
	}
	return out, nil
}

// bind converts the values of a row to the types of its keys, as the vendor's
// model binding does: unknown keys are ignored, numbers may be strings, and
// 95.0 is no integer. Keys do not depend on case.
func (c *call) bind(ent *entity, in Row, i int, raw []byte) (Row, *apiError) {
	names := map[string]*field{}
	for _, f := range ent.fields {
		names[strings.ToLower(f.name)] = f
	}
	out := Row{}
	for _, k := range sortedKeys(in) {
		f := names[strings.ToLower(k)]
		if f == nil || f.post {
			continue
		}
		v := in[k]
		if v == nil {
			if c.s.opts.NullClears {
				out[f.name] = nil
			}
			continue
		}
		got, why := convert(f.typ, v)
		if why != "" {
			path := fmt.Sprintf("[%d].%s", i, f.name)
			return nil, binding(path, fmt.Sprintf("%s. Path '%s', line 1, position %d.", why, path, position(raw, k)))
		}
		out[f.name] = got
	}
	return out, nil
}

// position is about where the value of a key ends in the body.
func position(raw []byte, key string) int {
	at := bytes.Index(raw, []byte(strconv.Quote(key)))
	if end := bytes.IndexAny(raw[max(at, 0):], ",}]"); end >= 0 {
		return max(at, 0) + end
	}
	return len(raw)
}

// convert returns a value in a key's type, or why that is impossible.
func convert(typ string, v any) (any, string) {
	said := fmt.Sprint(v)
	switch v.(type) {
	case []any, map[string]any:
		if typ != "list" && typ != "object" {
			return nil, "Unexpected character encountered while parsing value: " + said[:1]
		}
	}
	switch typ {
	case "int":
		switch v := v.(type) {
		case int:
			return v, ""
		case float64:
			if !strings.Contains(said, ".") {
				said += ".0"
			}
			return nil, "Input string '" + said + "' is not a valid integer"
		case string:
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				return nil, "Could not convert string to integer: " + v
			}
			return n, ""
		}
		return nil, "Could not convert to integer: " + said
	case "double":
		switch v := v.(type) {
		case int, float64:
			return v, ""
		case string:
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				return nil, "Could not convert string to double: " + v
			}
			return f, ""
		}
		return nil, "Could not convert to double: " + said
	case "bool":
		switch {
		case v == true || v == false:
			return v, ""
		case strings.EqualFold(said, "true"), strings.EqualFold(said, "false"):
			return strings.EqualFold(said, "true"), ""
		}
		return nil, "Could not convert string to boolean: " + said
	case "date":
		at, ok := parseTime(said)
		if !ok {
			return nil, "Could not convert string to DateTime: " + said
		}
		return stamp(at), ""
	case "guid":
		if len(said) != 36 || strings.Count(said, "-") != 4 {
			return nil, "Error converting value \"" + said + "\" to type 'System.Guid'"
		}
		return strings.ToLower(said), ""
	case "list":
		if _, ok := v.([]any); !ok {
			return nil, "Error converting value to a list"
		}
		return v, ""
	case "object":
		if _, ok := v.(map[string]any); !ok {
			return nil, "Error converting value to an object"
		}
		return v, ""
	}
	return said, ""
}
