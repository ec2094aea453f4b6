package psa

// A Board is where tickets live: a ConnectWise service board, an Autotask
// queue. Halo has none; its teams are queues.
type Board struct {
	Row
	Name       string    `psa:"name"`
	Project    bool      `psa:"project" help:"holds project tickets, which are out of scope"`
	Order      int       `psa:"order"`
	Default    bool      `psa:"default"`
	Location   Reference `psa:"location,kind=location"`
	Department Reference `psa:"department,kind=department"`
}

// A Status of a ticket. Its scope differs by vendor, see [Feature].
type Status struct {
	Row
	Name            string    `psa:"name"`
	Board           Reference `psa:"board,kind=board" help:"absent where statuses are not scoped by board"`
	Order           int       `psa:"order"`
	Default         bool      `psa:"default"`
	Closed          Tri       `psa:"closed" help:"whether it closes the ticket; unknown where the vendor does not tell"`
	TimeEntry       Tri       `psa:"time_entry_allowed" help:"whether time can be entered on a ticket in this status"`
	Escalation      string    `psa:"escalation" help:"what it means for the SLA clock"`
	ClientName      string    `psa:"client_name" help:"what the client portal shows"`
	VisibleToClient Tri       `psa:"visible_to_client"`
}

// A Priority of a ticket. Halo scopes them by SLA.
type Priority struct {
	Row
	Name    string    `psa:"name"`
	Order   int       `psa:"order"`
	Default bool      `psa:"default"`
	Color   string    `psa:"color"`
	Level   string    `psa:"level"`
	SLA     Reference `psa:"sla,kind=sla"`
}

// An Urgency of a ticket, ConnectWise's severity.
type Urgency struct {
	Row
	Name        string `psa:"name"`
	Description string `psa:"description"`
	Order       int    `psa:"order"`
	Default     bool   `psa:"default"`
}

// An Impact of a ticket.
type Impact struct {
	Row
	Name        string `psa:"name"`
	Description string `psa:"description"`
	Order       int    `psa:"order"`
	Default     bool   `psa:"default"`
}

// A TicketType such as Incident, Problem or Change.
type TicketType struct {
	Row
	Name            string   `psa:"name"`
	Order           int      `psa:"order"`
	Default         bool     `psa:"default"`
	ITIL            string   `psa:"itil" help:"the vendor's ITIL class"`
	Statuses        []string `psa:"statuses,kind=status" help:"statuses allowed; empty allows all"`
	Teams           []string `psa:"teams,kind=team" help:"teams allowed; empty allows all"`
	Classifications []string `psa:"classifications,kind=classification" help:"classifications allowed; empty allows all"`
	NoteTypes       []string `psa:"note_types,kind=note_type" help:"note types allowed; empty allows all"`
}

// A Classification is one value of one level: ConnectWise type (1), subtype
// (2), item (3); Autotask issue type, sub-issue type; Halo category 1 to 4.
// Where a vendor numbers each level for itself, the id is "level:vendor id".
type Classification struct {
	Row
	Name     string    `psa:"name"`
	Level    int       `psa:"level" help:"1 is the coarsest"`
	Board    Reference `psa:"board,kind=board"`
	Parents  []string  `psa:"parents,kind=classification" help:"values of the level above that it may follow; empty allows all"`
	Order    int       `psa:"order"`
	Default  bool      `psa:"default"`
	Category string    `psa:"category" help:"ConnectWise: Reactive or Proactive"`
}

// A ClassificationAssociation is one allowed combination of classifications.
type ClassificationAssociation struct {
	Row
	Board   Reference `psa:"board,kind=board"`
	Type    Reference `psa:"type,kind=classification"`
	Subtype Reference `psa:"subtype,kind=classification"`
	Item    Reference `psa:"item,kind=classification"`
}

// A Form presets and requires fields: an Autotask ticket category.
type Form struct {
	Row
	Name     string   `psa:"name"`
	Order    int      `psa:"order"`
	Default  bool     `psa:"default"`
	Defaults Fields   `psa:"defaults" help:"canonical field names and preset values"`
	Required []string `psa:"required" help:"canonical field names"`
}

// A Team is a group of members who work tickets.
type Team struct {
	Row
	Name       string    `psa:"name"`
	Board      Reference `psa:"board,kind=board"`
	Leader     Reference `psa:"leader,kind=member"`
	Members    []string  `psa:"members,kind=member"`
	Order      int       `psa:"order"`
	Default    bool      `psa:"default"`
	Department Reference `psa:"department,kind=department"`
	Location   Reference `psa:"location,kind=location"`
}

// A TicketSource says how a ticket came in.
type TicketSource struct {
	Row
	Name    string `psa:"name"`
	Order   int    `psa:"order"`
	Default bool   `psa:"default"`
}

// A ServiceLocation says where work is done: on-site, remote, in-house.
type ServiceLocation struct {
	Row
	Name    string `psa:"name"`
	Where   string `psa:"where"`
	Default bool   `psa:"default"`
}

// An SLA is a service level agreement.
type SLA struct {
	Row
	Name         string   `psa:"name"`
	Order        int      `psa:"order"`
	Default      bool     `psa:"default"`
	BasedOn      string   `psa:"based_on" help:"which calendar its clock follows"`
	RespondHours *float64 `psa:"respond_hours,unit=hours"`
	PlanHours    *float64 `psa:"plan_hours,unit=hours"`
	ResolveHours *float64 `psa:"resolve_hours,unit=hours"`
	Matrix       Fields   `psa:"matrix" help:"priority by impact and urgency, e.g. high_medium: a reference"`
}

// An SLATarget is an SLA's hours for one priority.
type SLATarget struct {
	Row
	SLA            Reference `psa:"sla,kind=sla"`
	Priority       Reference `psa:"priority,kind=priority"`
	RespondHours   *float64  `psa:"respond_hours,unit=hours"`
	RespondPercent *float64  `psa:"respond_percent,unit=percent"`
	PlanHours      *float64  `psa:"plan_hours,unit=hours"`
	PlanPercent    *float64  `psa:"plan_percent,unit=percent"`
	ResolveHours   *float64  `psa:"resolve_hours,unit=hours"`
	ResolvePercent *float64  `psa:"resolve_percent,unit=percent"`
}

// A Template presets the fields of a ticket.
type Template struct {
	Row
	Name            string    `psa:"name"`
	Summary         string    `psa:"summary"`
	Description     string    `psa:"description,type=text"`
	Board           Reference `psa:"board,kind=board"`
	Status          Reference `psa:"status,kind=status"`
	TicketType      Reference `psa:"ticket_type,kind=ticket_type"`
	Type            Reference `psa:"type,kind=classification"`
	Subtype         Reference `psa:"subtype,kind=classification"`
	Item            Reference `psa:"item,kind=classification"`
	Category1       Reference `psa:"category_1,kind=classification"`
	Category2       Reference `psa:"category_2,kind=classification"`
	Category3       Reference `psa:"category_3,kind=classification"`
	Category4       Reference `psa:"category_4,kind=classification"`
	Priority        Reference `psa:"priority,kind=priority"`
	Urgency         Reference `psa:"urgency,kind=urgency"`
	Impact          Reference `psa:"impact,kind=impact"`
	Source          Reference `psa:"source,kind=ticket_source"`
	Team            Reference `psa:"team,kind=team"`
	ServiceLocation Reference `psa:"service_location,kind=service_location"`
	BudgetHours     *float64  `psa:"budget_hours,unit=hours"`
}

// A CustomField is the definition of a custom field. Its caption may change;
// its id does not.
type CustomField struct {
	Row
	Name     string              `psa:"name" help:"the caption"`
	Owners   []string            `psa:"owners" help:"kinds of records that carry it; empty: unknown"`
	Type     string              `psa:"type" help:"string, text, number, bool, date, time or option"`
	Required bool                `psa:"required"`
	ReadOnly bool                `psa:"read_only"`
	Decimals *int                `psa:"decimals"`
	Length   *int                `psa:"length" help:"longest value"`
	Order    int                 `psa:"order"`
	Help     string              `psa:"help,type=text"`
	Options  []CustomFieldOption `psa:"options" help:"of type option, in display order"`
}

// A CustomFieldOption is one choice of a custom field.
type CustomFieldOption struct {
	ID      string `psa:"id"`
	Value   string `psa:"value" help:"what a record holds"`
	Label   string `psa:"label" help:"what people see; value if absent"`
	Order   int    `psa:"order"`
	Default bool   `psa:"default"`
	Active  bool   `psa:"active"`
}

// A CompanyType such as customer, vendor or prospect.
type CompanyType struct {
	Row
	Name    string `psa:"name"`
	Order   int    `psa:"order"`
	Default bool   `psa:"default"`
	Vendor  bool   `psa:"vendor"`
}

// A CompanyStatus of a ConnectWise company.
type CompanyStatus struct {
	Row
	Name    string `psa:"name"`
	Default bool   `psa:"default"`
	Blocked bool   `psa:"blocked" help:"companies in this status cannot be saved"`
}

// A CompanyClassification of an Autotask company.
type CompanyClassification struct {
	Row
	Name    string `psa:"name"`
	Order   int    `psa:"order"`
	Default bool   `psa:"default"`
}

// A CompanyTeamRole is what a member is to a company, e.g. account manager.
type CompanyTeamRole struct {
	Row
	Name           string `psa:"name"`
	AccountManager bool   `psa:"account_manager"`
	Tech           bool   `psa:"tech"`
	Sales          bool   `psa:"sales"`
}

// A ContactType such as decision maker.
type ContactType struct {
	Row
	Name    string `psa:"name"`
	Default bool   `psa:"default"`
}

// A ContactRole is a contact's relationship to the company.
type ContactRole struct {
	Row
	Name string `psa:"name"`
}

// A ContactDepartment is the department a contact works in.
type ContactDepartment struct {
	Row
	Name string `psa:"name"`
}

// A CommunicationType names a phone number or address: "Email - Work".
type CommunicationType struct {
	Row
	Name    string `psa:"name"`
	Phone   bool   `psa:"phone"`
	Fax     bool   `psa:"fax"`
	Email   bool   `psa:"email"`
	Default bool   `psa:"default"`
}

// A Member is a user of the PSA: ConnectWise member, Autotask resource, Halo
// agent. Rates and costs are never read.
type Member struct {
	Row
	Name       string    `psa:"name"`
	Identifier string    `psa:"identifier" help:"login name; stamps of changes carry it"`
	FirstName  string    `psa:"first_name"`
	LastName   string    `psa:"last_name"`
	Email      string    `psa:"email"`
	Title      string    `psa:"title"`
	API        bool      `psa:"api" help:"an integration, no person"`
	Type       Reference `psa:"type,kind=member_type"`
	Role       Reference `psa:"role,kind=role"`
	WorkRole   Reference `psa:"work_role,kind=work_role" help:"default role of time entries"`
	WorkType   Reference `psa:"work_type,kind=work_type" help:"default type of time entries"`
	Department Reference `psa:"department,kind=department"`
	Location   Reference `psa:"location,kind=location"`
	Teams      []string  `psa:"teams,kind=team"`
}

// A MemberType groups members.
type MemberType struct {
	Row
	Name string `psa:"name"`
}

// A Role is a security role of members.
type Role struct {
	Row
	Name  string `psa:"name"`
	Admin bool   `psa:"admin"`
}

// A Department of the MSP.
type Department struct {
	Row
	Name       string `psa:"name"`
	Identifier string `psa:"identifier"`
}

// A Location is an office of the MSP.
type Location struct {
	Row
	Name      string    `psa:"name"`
	ReportsTo Reference `psa:"reports_to,kind=location"`
}

// A WorkType is the kind of work of a time entry. Its rate is never read.
type WorkType struct {
	Row
	Name     string `psa:"name"`
	Billable string `psa:"billable,class=billing" help:"yes, no_charge or no"`
	Default  bool   `psa:"default"`
}

// A WorkRole is the role a member works in. Its rate is never read.
type WorkRole struct {
	Row
	Name      string   `psa:"name"`
	Locations []string `psa:"locations,kind=location" help:"where it may be used; empty allows all"`
}

// A ChargeCode is what time outside tickets is charged to.
type ChargeCode struct {
	Row
	Name      string `psa:"name"`
	TimeEntry bool   `psa:"time_entry"`
	Billable  string `psa:"billable,class=billing" help:"yes, no_charge or no"`
}

// A NoteType is a kind of note: Autotask note type, Halo outcome.
type NoteType struct {
	Row
	Name       string `psa:"name"`
	Identifier string `psa:"identifier"`
	Order      int    `psa:"order"`
	Default    bool   `psa:"default"`
	Visibility string `psa:"visibility" help:"internal, team or public; absent where the vendor does not tie them"`
}
