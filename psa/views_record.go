package psa

import "time"

// Address is a postal address.
type Address struct {
	Line1   string `psa:"line1"`
	Line2   string `psa:"line2"`
	City    string `psa:"city"`
	State   string `psa:"state"`
	Zip     string `psa:"zip"`
	Country string `psa:"country"`
}

// A Company is a client of the MSP, or a vendor, or a prospect.
type Company struct {
	Row
	Name           string      `psa:"name,class=client"`
	Identifier     string      `psa:"identifier,class=technical" help:"unique short name"`
	Number         string      `psa:"number,ro" help:"what people call it by"`
	URL            string      `psa:"url,ro" help:"opens it in the PSA"`
	Status         Reference   `psa:"status,kind=company_status,class=technical"`
	Types          []Reference `psa:"types,kind=company_type,class=technical"`
	Classification Reference   `psa:"classification,kind=company_classification,class=technical"`
	Phone          string      `psa:"phone,class=client"`
	Fax            string      `psa:"fax,class=client"`
	Website        string      `psa:"website,class=client"`
	Address        Address     `psa:"address,class=client"`
	MainSite       Reference   `psa:"main_site,kind=site,class=client"`
	MainContact    Reference   `psa:"main_contact,kind=contact,class=client"`
	ParentCompany  Reference   `psa:"parent_company,kind=company,class=technical"`
	Territory      Reference   `psa:"territory,kind=location,class=technical"`
	AccountNumber  string      `psa:"account_number,class=billing"`
	ExternalRef    string      `psa:"external_ref,class=technical"`
	Deleted        bool        `psa:"deleted,ro" help:"soft-deleted or merged away"`
	CreatedAt      time.Time   `psa:"created_at,ro"`
	Custom         Fields      `psa:"custom,class=technical" help:"by id of the definition"`
}

// A Site is an address of a company.
type Site struct {
	Row
	Name        string    `psa:"name,class=client"`
	Company     Reference `psa:"company,kind=company,class=client"`
	Main        bool      `psa:"main,class=client"`
	Phone       string    `psa:"phone,class=client"`
	Address     Address   `psa:"address,class=client"`
	ExternalRef string    `psa:"external_ref,class=technical" help:"for hosts; no PSA has it on sites"`
	Custom      Fields    `psa:"custom,class=technical"`
}

// A Communication is one way to reach a contact.
type Communication struct {
	ID        string    `psa:"id"`
	Type      Reference `psa:"type,kind=communication_type"`
	Medium    string    `psa:"medium" help:"email, phone or fax"`
	Value     string    `psa:"value"`
	Extension string    `psa:"extension"`
	Default   bool      `psa:"default" help:"of its medium"`
}

// A Contact is a person at a company.
type Contact struct {
	Row
	Name           string          `psa:"name,ro" help:"first and last name"`
	FirstName      string          `psa:"first_name,class=client"`
	LastName       string          `psa:"last_name,class=client"`
	Title          string          `psa:"title,class=client"`
	Number         string          `psa:"number,ro"`
	URL            string          `psa:"url,ro"`
	Company        Reference       `psa:"company,kind=company,class=client"`
	Site           Reference       `psa:"site,kind=site,class=client"`
	Email          string          `psa:"email,class=client" help:"default address"`
	Phone          string          `psa:"phone,class=client" help:"default number"`
	Mobile         string          `psa:"mobile,class=client"`
	Communications []Communication `psa:"communications,class=client" help:"all addresses and numbers, where the vendor lists them"`
	Types          []Reference     `psa:"types,kind=contact_type,class=technical"`
	Role           Reference       `psa:"role,kind=contact_role,class=technical"`
	Department     Reference       `psa:"department,kind=contact_department,class=technical"`
	ExternalRef    string          `psa:"external_ref,class=technical"`
	Main           bool            `psa:"main,class=client" help:"the company's first contact"`
	CreatedAt      time.Time       `psa:"created_at,ro"`
	Custom         Fields          `psa:"custom,class=technical"`
}

// A Ticket is a service ticket.
type Ticket struct {
	Row
	Summary         string    `psa:"summary,class=technical"`
	Description     string    `psa:"description,type=text,class=technical" help:"the opening text; create-only on ConnectWise"`
	Number          string    `psa:"number,ro"`
	URL             string    `psa:"url,ro"`
	Board           Reference `psa:"board,kind=board,class=technical"`
	Status          Reference `psa:"status,kind=status,class=client"`
	Closed          Tri       `psa:"closed,ro"`
	Priority        Reference `psa:"priority,kind=priority,class=technical"`
	Urgency         Reference `psa:"urgency,kind=urgency,class=technical"`
	Impact          Reference `psa:"impact,kind=impact,class=technical"`
	TicketType      Reference `psa:"ticket_type,kind=ticket_type,class=technical" help:"Autotask and Halo"`
	Type            Reference `psa:"type,kind=classification,class=technical" help:"ConnectWise: classification level 1"`
	Subtype         Reference `psa:"subtype,kind=classification,class=technical" help:"ConnectWise: level 2"`
	Item            Reference `psa:"item,kind=classification,class=technical" help:"ConnectWise: level 3"`
	Category1       Reference `psa:"category_1,kind=classification,class=technical" help:"Autotask issue type, Halo category 1"`
	Category2       Reference `psa:"category_2,kind=classification,class=technical" help:"Autotask sub-issue type, Halo category 2"`
	Category3       Reference `psa:"category_3,kind=classification,class=technical" help:"Halo category 3"`
	Category4       Reference `psa:"category_4,kind=classification,class=technical" help:"Halo category 4"`
	Form            Reference `psa:"form,kind=form,class=technical" help:"Autotask ticket category"`
	Source          Reference `psa:"source,kind=ticket_source,class=technical"`
	ServiceLocation Reference `psa:"service_location,kind=service_location,class=technical"`
	Company         Reference `psa:"company,kind=company,class=client"`
	Site            Reference `psa:"site,kind=site,class=client"`
	Contact         Reference `psa:"contact,kind=contact,class=client"`
	ContactName     string    `psa:"contact_name,class=client" help:"as typed on the ticket"`
	ContactEmail    string    `psa:"contact_email,class=client"`
	ContactPhone    string    `psa:"contact_phone,class=client"`
	Team            Reference `psa:"team,kind=team,class=technical"`
	Owner           Reference `psa:"owner,kind=member,class=technical"`
	OwnerRole       Reference `psa:"owner_role,kind=work_role,class=technical" help:"Autotask: goes with owner"`
	Department      Reference `psa:"department,kind=department,class=technical"`
	Location        Reference `psa:"location,kind=location,class=technical"`
	SLA             Reference `psa:"sla,kind=sla,class=technical"`
	Agreement       Reference `psa:"agreement,kind=agreement,class=billing"`
	WorkType        Reference `psa:"work_type,kind=work_type,class=billing"`
	WorkRole        Reference `psa:"work_role,kind=work_role,class=billing"`
	PONumber        string    `psa:"po_number,class=billing"`
	BudgetHours     *float64  `psa:"budget_hours,unit=hours,class=technical"`
	WorkedHours     *float64  `psa:"worked_hours,unit=hours,ro"`
	DueAt           time.Time `psa:"due_at,class=client"`
	Resolution      string    `psa:"resolution,type=text,class=client"`
	ExternalRef     string    `psa:"external_ref,class=technical"`
	ParentTicket    Reference `psa:"parent_ticket,kind=ticket,class=technical"`
	MergedInto      Reference `psa:"merged_into,kind=ticket,ro"`
	CreatedAt       time.Time `psa:"created_at,ro"`
	CreatedBy       string    `psa:"created_by,ro" help:"login name"`
	UpdatedBy       string    `psa:"updated_by,ro" help:"login name; tells our own writes"`
	ClosedAt        time.Time `psa:"closed_at,ro"`
	Custom          Fields    `psa:"custom,class=technical"`
}

// Visibility says who may read a note.
type Visibility string

// Visibilities from narrow to wide. What is unknown is internal.
const (
	Internal Visibility = "internal" // the MSP's own people
	TeamOnly Visibility = "team"     // and the client's technicians, where co-managed
	Public   Visibility = "public"   // the client
)

// A Note is a text on a ticket. Text that belongs to worked time is a
// [TimeEntry] and no note.
type Note struct {
	Row
	Ticket      Reference `psa:"ticket,kind=ticket"`
	Title       string    `psa:"title,class=technical"`
	Text        string    `psa:"text,type=text,class=technical" help:"of class client where the note is public"`
	Visibility  string    `psa:"visibility,class=client" help:"internal, team or public"`
	Resolution  bool      `psa:"resolution,class=client" help:"a resolution, which the client sees"`
	Type        Reference `psa:"type,kind=note_type,class=technical"`
	Member      Reference `psa:"member,kind=member,ro" help:"author, if a member"`
	Contact     Reference `psa:"contact,kind=contact,ro" help:"author, if a contact"`
	Author      string    `psa:"author,ro" help:"the author's name as the PSA shows it"`
	ExternalRef string    `psa:"external_ref,class=technical" help:"for hosts; no PSA has it on notes"`
	CreatedAt   time.Time `psa:"created_at,ro"`
	UpdatedBy   string    `psa:"updated_by,ro"`
}

// A TimeEntry is worked time. Rates and amounts are never read.
type TimeEntry struct {
	Row
	Ticket        Reference `psa:"ticket,kind=ticket"`
	Member        Reference `psa:"member,kind=member,class=technical"`
	Company       Reference `psa:"company,kind=company,ro"`
	Start         time.Time `psa:"start_at,class=technical"`
	End           time.Time `psa:"end_at,class=technical"`
	Hours         *float64  `psa:"hours,unit=hours,class=technical" help:"worked, never billed"`
	DeductedHours *float64  `psa:"deducted_hours,unit=hours,class=technical" help:"breaks, taken off the span from start to end"`
	Billable      string    `psa:"billable,class=billing" help:"yes, no_charge or no"`
	WorkType      Reference `psa:"work_type,kind=work_type,class=billing"`
	WorkRole      Reference `psa:"work_role,kind=work_role,class=billing"`
	Agreement     Reference `psa:"agreement,kind=agreement,class=billing"`
	Notes         string    `psa:"notes,type=text,class=technical"`
	InternalNotes string    `psa:"internal_notes,type=text,class=technical"`
	Visibility    string    `psa:"visibility,class=client" help:"of notes"`
	Locked        bool      `psa:"locked,ro" help:"approved, billed or posted: the PSA takes no change"`
	Status        string    `psa:"status,ro" help:"the vendor's approval status"`
	ExternalRef   string    `psa:"external_ref,class=technical" help:"for hosts; no PSA has it on time entries"`
	CreatedAt     time.Time `psa:"created_at,ro"`
	UpdatedBy     string    `psa:"updated_by,ro"`
	Custom        Fields    `psa:"custom,class=technical"`
}

// An Agreement is a contract, for reference.
type Agreement struct {
	Row
	Name    string    `psa:"name,ro"`
	Company Reference `psa:"company,kind=company,ro"`
}

// views maps a kind to its typed view, whose tags are the schema.
var views = map[Kind]any{
	KindBoard: Board{}, KindStatus: Status{}, KindPriority: Priority{}, KindUrgency: Urgency{},
	KindImpact: Impact{}, KindTicketType: TicketType{}, KindClassification: Classification{},
	KindClassificationAssociation: ClassificationAssociation{}, KindForm: Form{}, KindTeam: Team{},
	KindTicketSource: TicketSource{}, KindServiceLocation: ServiceLocation{}, KindSLA: SLA{},
	KindSLATarget: SLATarget{}, KindTemplate: Template{}, KindCustomField: CustomField{},
	KindCompanyType: CompanyType{}, KindCompanyStatus: CompanyStatus{},
	KindCompanyClassification: CompanyClassification{}, KindCompanyTeamRole: CompanyTeamRole{},
	KindContactType: ContactType{}, KindContactRole: ContactRole{}, KindContactDepartment: ContactDepartment{},
	KindCommunicationType: CommunicationType{}, KindMember: Member{}, KindMemberType: MemberType{},
	KindRole: Role{}, KindDepartment: Department{}, KindLocation: Location{}, KindWorkType: WorkType{},
	KindWorkRole: WorkRole{}, KindChargeCode: ChargeCode{}, KindNoteType: NoteType{},
	KindCompany: Company{}, KindSite: Site{}, KindContact: Contact{}, KindTicket: Ticket{},
	KindNote: Note{}, KindTimeEntry: TimeEntry{}, KindAgreement: Agreement{},
}
