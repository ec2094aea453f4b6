package autotasktest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/psasync/psasync/internal/simulator"
)

// PicklistValue is one choice of a picklist. The API answers Value and Parent
// as strings and takes them as numbers.
type PicklistValue struct {
	Value    int // 0 in AddPicklistValue: the next free one
	Label    string
	Default  bool
	Order    int // sortOrder
	Parent   int // value of the parent field, 0: none
	Inactive bool
	System   bool
}

// AddPicklistValue adds a choice to a picklist field, such as
// ("Tickets", "queueID"), and returns its value. There is no call for it in
// the API. The picklists ticketCategory and classification come from the rows
// of TicketCategories and ClassificationIcons instead.
func (t *Tenant) AddPicklistValue(collection, fieldName string, v PicklistValue) int {
	key := t.pickKey(collection, fieldName)
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.picks[key]
	if v.Value == 0 {
		for _, x := range list {
			v.Value = max(v.Value, x.Value)
		}
		v.Value++
	}
	if slices.ContainsFunc(list, func(x PicklistValue) bool { return x.Value == v.Value }) {
		panic(fmt.Sprintf("autotasktest: %s has a value %d", key, v.Value))
	}
	if v.Order == 0 {
		v.Order = len(list) + 1
	}
	t.picks[key] = append(slices.Clip(list), v)
	return v.Value
}

// UpdatePicklistValue lets edit change one choice; its Value stays.
func (t *Tenant) UpdatePicklistValue(collection, fieldName string, value int, edit func(*PicklistValue)) {
	key := t.pickKey(collection, fieldName)
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.Clone(t.picks[key])
	i := slices.IndexFunc(list, func(x PicklistValue) bool { return x.Value == value })
	if i < 0 {
		panic(fmt.Sprintf("autotasktest: %s has no value %d", key, value))
	}
	edit(&list[i])
	list[i].Value = value
	t.picks[key] = list
}

// RemovePicklistValue removes a choice and reports whether it was there. Rows
// that hold it keep it.
func (t *Tenant) RemovePicklistValue(collection, fieldName string, value int) bool {
	key := t.pickKey(collection, fieldName)
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.picks[key])
	t.picks[key] = slices.DeleteFunc(slices.Clone(t.picks[key]), func(x PicklistValue) bool { return x.Value == value })
	return len(t.picks[key]) < n
}

// Picklist returns the choices of a picklist field in the order of the API.
func (t *Tenant) Picklist(collection, fieldName string) []PicklistValue {
	e, _, err := t.collection(collection)
	if err != nil {
		panic(err)
	}
	f := e.field(fieldName)
	if f == nil || f.pick == "" {
		panic(fmt.Sprintf("autotasktest: %s.%s is not a picklist", collection, fieldName))
	}
	var out []PicklistValue
	t.store.View(func(tx *simulator.Tx) { out = slices.Clone(t.picklist(tx, f.pick)) })
	return out
}

// pickKey returns the name of a picklist that can be edited.
func (t *Tenant) pickKey(collection, fieldName string) string {
	key, err := t.pickName(collection, fieldName)
	if err != nil {
		panic(err)
	}
	return key
}

func (t *Tenant) pickName(collection, fieldName string) (string, error) {
	e, _, err := t.collection(collection)
	if err != nil {
		return "", err
	}
	f := e.field(fieldName)
	if f == nil || f.pick == "" || derivedPicklist(f.pick) != "" {
		return "", fmt.Errorf("autotasktest: %s.%s is not a picklist of its own", collection, fieldName)
	}
	return f.pick, nil
}

// picklistPath splits /_picklists/Tickets/queueID.
func picklistPath(path string) (collection, fieldName string, ok bool) {
	seg := strings.Split(strings.Trim(path, "/"), "/")
	if len(seg) != 3 || seg[0] != "_picklists" {
		return "", "", false
	}
	return seg[1], seg[2], true
}

// editPicklist adds or changes a choice, or removes it if row is nil.
func (t *Tenant) editPicklist(collection, fieldName string, value int, row Row) (int, error) {
	key, err := t.pickName(collection, fieldName)
	if err != nil {
		return 0, err
	}
	if row == nil {
		if !t.RemovePicklistValue(collection, fieldName, value) {
			return 0, fmt.Errorf("%s has no value %d", key, value)
		}
		return value, nil
	}
	var v PicklistValue
	t.store.View(func(tx *simulator.Tx) { v, _ = t.choice(tx, key, value) })
	known := v.Value == value && v.Label != ""
	if err := v.merge(row); err != nil {
		return 0, err
	}
	if known {
		t.UpdatePicklistValue(collection, fieldName, value, func(p *PicklistValue) { *p = v })
		return value, nil
	}
	if v.Value = value; value == 0 {
		v.Value, _ = row["value"].(int)
	}
	return t.AddPicklistValue(collection, fieldName, v), nil
}

// merge takes the keys of the control page.
func (v *PicklistValue) merge(row Row) error {
	for k, x := range row {
		ok := k == "value"
		switch k {
		case "label":
			v.Label, ok = x.(string)
		case "default":
			v.Default, ok = x.(bool)
		case "order":
			v.Order, ok = x.(int)
		case "parent":
			v.Parent, ok = x.(int)
		case "inactive":
			v.Inactive, ok = x.(bool)
		}
		if !ok {
			return fmt.Errorf("a picklist value has no key %q like that", k)
		}
	}
	if v.Label == "" {
		return errors.New("a picklist value needs a label")
	}
	return nil
}

// derivedPicklist returns the collection whose rows are the choices, if any.
func derivedPicklist(key string) string {
	switch key {
	case "Tickets.ticketCategory":
		return "TicketCategories"
	case "Companies.classification":
		return "ClassificationIcons"
	}
	return ""
}

// picklist returns the choices under the store's lock.
func (t *Tenant) picklist(tx *simulator.Tx, key string) []PicklistValue {
	if from := derivedPicklist(key); from != "" {
		var out []PicklistValue
		for r := range tx.Table(from).All(0) {
			out = append(out, PicklistValue{
				Value: r.ID, Label: text(r.Field("name")), Default: r.Field("isGlobalDefault") == true, Order: len(out) + 1,
				Inactive: r.Field("isActive") == false, System: r.Field("isSystem") == true,
			})
		}
		return out
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.picks[key]
}

// choice finds a choice by value.
func (t *Tenant) choice(tx *simulator.Tx, key string, value int) (PicklistValue, bool) {
	for _, v := range t.picklist(tx, key) {
		if v.Value == value {
			return v, true
		}
	}
	return PicklistValue{}, false
}

// json returns a choice as entityInformation/fields shows it.
func (v PicklistValue) json() pickJSON {
	p := pickJSON{Value: strconv.Itoa(v.Value), Label: v.Label, IsDefaultValue: v.Default, SortOrder: v.Order, IsActive: !v.Inactive, IsSystem: v.System}
	if v.Parent != 0 {
		p.ParentValue = strconv.Itoa(v.Parent)
	}
	return p
}

// choices makes a picklist from labels, values counting from first.
func choices(first int, labels ...string) []PicklistValue {
	out := make([]PicklistValue, len(labels))
	for i, l := range labels {
		out[i] = PicklistValue{Value: first + i, Label: l, Order: i + 1}
	}
	return out
}

// StatusComplete is the system's ticket status that means closed.
const StatusComplete = 5

// systemPicklists returns the choices that no tenant can lack.
func systemPicklists() map[string][]PicklistValue {
	system := func(list []PicklistValue) []PicklistValue {
		for i := range list {
			list[i].System = true
		}
		return list
	}
	return map[string][]PicklistValue{
		"Tickets.status": {
			{Value: 1, Label: "New", Order: 1, System: true, Default: true},
			{Value: StatusComplete, Label: "Complete", Order: 2, System: true},
			{Value: 7, Label: "Waiting Customer", Order: 3, System: true},
		},
		"Tickets.priority":               {{Value: 4, Label: "Critical", Order: 1}, {Value: 1, Label: "High", Order: 2}, {Value: 2, Label: "Medium", Order: 3, Default: true}, {Value: 3, Label: "Low", Order: 4}},
		"Tickets.ticketType":             system(choices(1, "Service Request", "Incident", "Problem", "Change Request", "Alert")),
		"Tickets.creatorType":            system(choices(1, "Resource", "Contact")),
		"Tickets.lastActivityPersonType": system(choices(1, "Resource", "Contact")),
		"Tickets.changeApprovalStatus":   system(choices(1, "Requested", "Approved", "Rejected")),
		"Tickets.changeApprovalType":     system(choices(1, "One", "All")),
		"Tickets.rmaStatus":              system(choices(1, "Open", "Received", "Sent")),
		"Tickets.rmaType":                system(choices(1, "Repair", "Replace")),
		"TicketNotes.noteType": {
			{Value: 1, Label: "Task Summary", Order: 1}, {Value: 2, Label: "Task Detail", Order: 2}, {Value: 3, Label: "Task Notes", Order: 3, Default: true},
			{Value: 13, Label: "Workflow Rule Note - Task", Order: 4, System: true}, {Value: 99, Label: "RMM Note", Order: 5, System: true},
		},
		"TicketNotes.publish":                              {{Value: 1, Label: "All Autotask Users", Order: 1, System: true}, {Value: 2, Label: "Internal Project Team", Order: 2, System: true}},
		"TimeEntries.timeEntryType":                        {{Value: 2, Label: "IT Service Request", Order: 1, System: true}, {Value: 5, Label: "General Time", Order: 2, System: true}, {Value: 6, Label: "Project Task", Order: 3, System: true}},
		"BillingCodes.useType":                             system(choices(1, "Labor", "Material", "Internal Time", "Expense", "Recurring Contract Service")),
		"BillingCodes.billingCodeType":                     {{Value: 0, Label: "Normal", Order: 1, System: true}, {Value: 1, Label: "System", Order: 2, System: true}, {Value: 2, Label: "Non-Billable", Order: 3, System: true}},
		"Companies.companyType":                            system(choices(1, "Customer", "Lead", "Prospect", "Dead", "Suspect", "Cancelation", "Vendor", "Partner")),
		"Companies.billToAddressToUse":                     system(choices(1, "Account", "Account Billing", "Parent", "Parent Billing", "Location")),
		"Companies.invoiceMethod":                          system(choices(1, "Manual", "Email", "Both")),
		"Contacts.namePrefix":                              choices(1, "Mr.", "Mrs.", "Ms.", "Dr."),
		"Contacts.nameSuffix":                              choices(1, "Jr.", "Sr.", "MD"),
		"Resources.licenseType":                            system(choices(1, "Professional", "Team Member", "Outsourced", "Time & Attendance", "Contractor", "Dashboard", "API User")),
		"Resources.payrollType":                            system(choices(1, "Salary", "Salary Non-exempt", "Hourly", "Contractor")),
		"Resources.userType":                               choices(10, "System Administrator", "Manager", "User"),
		"Resources.greeting":                               choices(1, "Mr.", "Mrs.", "Ms."),
		"Resources.suffix":                                 choices(1, "Jr.", "Sr."),
		"Roles.roleType":                                   {{Value: 0, Label: "Normal", Order: 1, System: true}, {Value: 1, Label: "System", Order: 2, System: true}},
		"UserDefinedFieldDefinitions.udfType":              {{Value: udfCompany, Label: "Company", Order: 1, System: true}, {Value: udfContact, Label: "Contact", Order: 2, System: true}, {Value: udfContract, Label: "Contract", Order: 3, System: true}, {Value: 4, Label: "Project", Order: 4, System: true}, {Value: udfTicket, Label: "Ticket", Order: 5, System: true}, {Value: 6, Label: "Task", Order: 6, System: true}},
		"UserDefinedFieldDefinitions.dataType":             system(choices(1, "Text (Single Line)", "Text (Multi Line)", "List", "Date", "Number")),
		"UserDefinedFieldDefinitions.displayFormat":        system(choices(1, "Normal", "Percent")),
		"Contracts.contractType":                           system(choices(1, "Time & Materials", "Fixed Price", "Block Hours", "Retainer", "Incident", "Per Ticket", "Recurring Service")),
		"Contracts.status":                                 {{Value: 0, Label: "Inactive", Order: 1, System: true}, {Value: 1, Label: "Active", Order: 2, System: true}},
		"Contracts.billingPreference":                      system(choices(1, "Immediately without Approval", "Manually", "On Timesheet Approval")),
		"Contracts.contractPeriodType":                     system(choices(1, "Monthly", "Quarterly", "Yearly")),
		"Contracts.timeReportingRequiresStartAndStopTimes": {{Value: 0, Label: "No", Order: 1, System: true}, {Value: 1, Label: "Yes", Order: 2, System: true}},
		"DeletedTicketActivityLogs.typeID":                 system(choices(1, "Note", "Time Entry", "Attachment")),
	}
}
