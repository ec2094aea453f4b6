package autotasktest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// infoJSON is what entityInformation answers.
type infoJSON struct {
	Name                    string `json:"name"`
	CanCreate               bool   `json:"canCreate"`
	CanDelete               bool   `json:"canDelete"`
	CanQuery                bool   `json:"canQuery"`
	CanUpdate               bool   `json:"canUpdate"`
	UserAccessForCreate     string `json:"userAccessForCreate"`
	UserAccessForDelete     string `json:"userAccessForDelete"`
	UserAccessForQuery      string `json:"userAccessForQuery"`
	UserAccessForUpdate     string `json:"userAccessForUpdate"`
	HasUserDefinedFields    bool   `json:"hasUserDefinedFields"`
	SupportsWebhookCallouts bool   `json:"supportsWebhookCallouts"`
}

// fieldJSON is one element of entityInformation/fields. There is no label.
type fieldJSON struct {
	Name                    string     `json:"name"`
	DataType                string     `json:"dataType"`
	Length                  int        `json:"length"`
	IsRequired              bool       `json:"isRequired"`
	IsReadOnly              bool       `json:"isReadOnly"`
	IsQueryable             bool       `json:"isQueryable"`
	IsReference             bool       `json:"isReference"`
	ReferenceEntityType     string     `json:"referenceEntityType"`
	IsPickList              bool       `json:"isPickList"`
	PicklistValues          []pickJSON `json:"picklistValues"`
	PicklistParentValueKey  string     `json:"picklistParentValueField"`
	IsSupportedWebhookField bool       `json:"isSupportedWebhookField"`
}

// pickJSON is one choice of a picklist: value and parent are strings.
type pickJSON struct {
	Value          string `json:"value"`
	Label          string `json:"label"`
	IsDefaultValue bool   `json:"isDefaultValue"`
	SortOrder      int    `json:"sortOrder"`
	ParentValue    string `json:"parentValue"`
	IsActive       bool   `json:"isActive"`
	IsSystem       bool   `json:"isSystem"`
}

// udfJSON is one element of entityInformation/userDefinedFields: the type is
// in "type", not "dataType", and there is a label.
type udfJSON struct {
	Name                    string     `json:"name"`
	Label                   string     `json:"label"`
	Type                    string     `json:"type"`
	Length                  int        `json:"length"`
	Description             string     `json:"description"`
	IsRequired              bool       `json:"isRequired"`
	IsReadOnly              bool       `json:"isReadOnly"`
	IsQueryable             bool       `json:"isQueryable"`
	IsReference             bool       `json:"isReference"`
	ReferenceEntityType     string     `json:"referenceEntityType"`
	IsPickList              bool       `json:"isPickList"`
	PicklistValues          []udfValue `json:"picklistValues"`
	PicklistParentValueKey  string     `json:"picklistParentValueField"`
	DefaultValue            string     `json:"defaultValue"`
	IsSupportedWebhookField bool       `json:"isSupportedWebhookField"`
}

// udfValue is pickJSON with a null parent, as the vendor answers here.
type udfValue struct {
	Value          string  `json:"value"`
	Label          string  `json:"label"`
	IsDefaultValue bool    `json:"isDefaultValue"`
	SortOrder      int     `json:"sortOrder"`
	ParentValue    *string `json:"parentValue"`
	IsActive       bool    `json:"isActive"`
	IsSystem       bool    `json:"isSystem"`
}

// metadata answers entityInformation, and fields and userDefinedFields below it.
func (c *call) metadata(e *entity, seg []string) *apiError {
	var body any
	switch strings.ToLower(strings.Join(seg, "/")) {
	case "":
		body = map[string]any{"info": c.info(e)}
	case "fields":
		body = map[string]any{"fields": c.fieldInfo(e)}
	case "userdefinedfields":
		body = map[string]any{"fields": c.udfInfo(e)}
	default:
		return noRoute()
	}
	if c.r.Method != http.MethodGet {
		return noMethod(c.r.Method)
	}
	writeJSON(c.w, http.StatusOK, body)
	return nil
}

func (c *call) info(e *entity) infoJSON {
	ops := e.ops
	if e.child != nil {
		ops += e.child.ops
	}
	can := func(op string) bool { return strings.Contains(ops, op) }
	access := func(op, method, path string) string {
		if ok, _ := c.s.may(method, path); !ok || !can(op) {
			return "None"
		}
		return "All"
	}
	return infoJSON{
		Name: e.name, CanCreate: can("C"), CanDelete: can("D"), CanQuery: can("L"), CanUpdate: can("U"),
		UserAccessForCreate: access("C", http.MethodPost, "/"+e.path), UserAccessForDelete: access("D", http.MethodDelete, "/"+e.path+"/1"),
		UserAccessForQuery: access("L", http.MethodPost, "/"+e.path+"/query"), UserAccessForUpdate: access("U", http.MethodPatch, "/"+e.path),
		HasUserDefinedFields: e.udf, SupportsWebhookCallouts: e.hook,
	}
}

func (c *call) fieldInfo(e *entity) []fieldJSON {
	out := make([]fieldJSON, 0, len(e.fields))
	c.t.store.View(func(tx *simulator.Tx) {
		for _, f := range e.fields {
			j := fieldJSON{
				Name: f.meta, DataType: f.typ, Length: f.max, IsRequired: f.req, IsReadOnly: f.ro, IsQueryable: !f.noQuery,
				IsReference: f.ref != "", ReferenceEntityType: f.ref, IsPickList: f.pick != "", PicklistParentValueKey: f.parent, IsSupportedWebhookField: f.hook,
			}
			if f.pick != "" {
				j.PicklistValues = []pickJSON{}
				for _, v := range c.t.picklist(tx, f.pick) {
					j.PicklistValues = append(j.PicklistValues, v.json())
				}
			}
			out = append(out, j)
		}
	})
	return out
}

func (c *call) udfInfo(e *entity) []udfJSON {
	out := []udfJSON{}
	c.t.store.View(func(tx *simulator.Tx) {
		for _, d := range c.t.definitions(tx, e) {
			name := text(d.Field("name"))
			j := udfJSON{
				Name: name, Label: name, Type: "string", Length: 8000, Description: text(d.Field("description")), IsRequired: d.Field("isRequired") == true,
				IsReadOnly: d.Field("isProtected") == true, IsQueryable: true, DefaultValue: text(d.Field("defaultValue")), IsSupportedWebhookField: true,
			}
			switch d.Field("dataType") {
			case udfDate:
				j.Type, j.Length = "datetime", 0
			case udfNumber:
				j.Type, j.Length = "double", 0
			case udfList:
				j.IsPickList, j.PicklistValues = true, c.udfChoices(tx, d)
			}
			out = append(out, j)
		}
	})
	return out
}

func (c *call) udfChoices(tx *simulator.Tx, d simulator.Row) []udfValue {
	out := []udfValue{}
	for i, item := range c.t.listItems(tx, d.ID) {
		value := text(item.Field("valueForExport"))
		out = append(out, udfValue{
			Value: value, Label: text(item.Field("valueForDisplay")), IsDefaultValue: value != "" && value == text(d.Field("defaultValue")), SortOrder: i, IsActive: item.Field("isActive") != false,
		})
	}
	return out
}

// SetModule switches a module of the tenant on or off, as GET /Modules tells.
func (t *Tenant) SetModule(key int, on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.modules[key] = on
}

type moduleJSON struct {
	Key   int  `json:"key"`
	Value bool `json:"value"`
}

func (t *Tenant) moduleList() []moduleJSON {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []moduleJSON{}
	for k, v := range t.modules {
		out = append(out, moduleJSON{k, v})
	}
	slices.SortFunc(out, func(a, b moduleJSON) int { return a.Key - b.Key })
	return out
}
