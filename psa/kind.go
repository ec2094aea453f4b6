package psa

import "slices"

// A Kind names a collection of rows: configuration such as [KindBoard], or
// records such as [KindTicket].
type Kind string

// Configuration kinds. Not every vendor has every kind; [Features] tells.
const (
	KindBoard                     Kind = "board"                      // CW board, AT queue; Halo has none
	KindStatus                    Kind = "status"                     // ticket status
	KindPriority                  Kind = "priority"                   // ticket priority
	KindUrgency                   Kind = "urgency"                    // CW severity, Halo urgency
	KindImpact                    Kind = "impact"                     // ticket impact
	KindTicketType                Kind = "ticket_type"                // AT and Halo ticket type; CW's types are classifications
	KindClassification            Kind = "classification"             // CW type/subtype/item, AT issue/sub-issue type, Halo category 1-4
	KindClassificationAssociation Kind = "classification_association" // an allowed combination of classifications
	KindForm                      Kind = "form"                       // AT ticket category
	KindTeam                      Kind = "team"                       // team or group of members
	KindTicketSource              Kind = "ticket_source"              // how a ticket came in
	KindServiceLocation           Kind = "service_location"           // on-site, remote, in-house
	KindSLA                       Kind = "sla"                        // service level agreement
	KindSLATarget                 Kind = "sla_target"                 // an SLA's hours for one priority
	KindTemplate                  Kind = "template"                   // ticket template
	KindCustomField               Kind = "custom_field"               // definition of a custom field, with its options
	KindCompanyType               Kind = "company_type"               // customer, vendor, prospect, ...
	KindCompanyStatus             Kind = "company_status"             // CW company status
	KindCompanyClassification     Kind = "company_classification"     // AT company classification
	KindCompanyTeamRole           Kind = "company_team_role"          // role of a member towards a company
	KindContactType               Kind = "contact_type"               // contact type
	KindContactRole               Kind = "contact_role"               // CW contact relationship
	KindContactDepartment         Kind = "contact_department"         // department a contact works in
	KindCommunicationType         Kind = "communication_type"         // "Email - Work", "Direct", ...
	KindMember                    Kind = "member"                     // CW member, AT resource, Halo agent
	KindMemberType                Kind = "member_type"                // member type
	KindRole                      Kind = "role"                       // security role
	KindDepartment                Kind = "department"                 // department of the MSP
	KindLocation                  Kind = "location"                   // office of the MSP
	KindWorkType                  Kind = "work_type"                  // kind of work of a time entry
	KindWorkRole                  Kind = "work_role"                  // role a member works in
	KindChargeCode                Kind = "charge_code"                // what time outside tickets is charged to
	KindNoteType                  Kind = "note_type"                  // AT note type, Halo outcome, CW company note type
)

// Record kinds.
const (
	KindCompany   Kind = "company"
	KindSite      Kind = "site"    // address of a company
	KindContact   Kind = "contact" // person at a company
	KindTicket    Kind = "ticket"  // service ticket; project tickets and tasks are out of scope
	KindNote      Kind = "note"    // text on a ticket; a row with time is a time entry
	KindTimeEntry Kind = "time_entry"
	KindAgreement Kind = "agreement" // contract, read-only reference
)

var configKinds = []Kind{
	KindLocation, KindDepartment, KindMemberType, KindRole, KindWorkRole, KindWorkType,
	KindMember, KindBoard, KindStatus, KindPriority, KindUrgency, KindImpact,
	KindTicketType, KindClassification, KindClassificationAssociation, KindForm, KindTeam,
	KindTicketSource, KindServiceLocation, KindSLA, KindSLATarget, KindTemplate, KindCustomField,
	KindCompanyType, KindCompanyStatus, KindCompanyClassification, KindCompanyTeamRole,
	KindContactType, KindContactRole, KindContactDepartment, KindCommunicationType,
	KindChargeCode, KindNoteType,
}

var recordKinds = []Kind{
	KindCompany, KindSite, KindContact, KindTicket, KindNote, KindTimeEntry, KindAgreement,
}

// ConfigKinds returns every configuration kind, what others refer to first.
func ConfigKinds() []Kind { return slices.Clone(configKinds) }

// RecordKinds returns every record kind, parents before children.
func RecordKinds() []Kind { return slices.Clone(recordKinds) }

// IsConfig reports whether k is a configuration kind.
func (k Kind) IsConfig() bool { return slices.Contains(configKinds, k) }

// IsRecord reports whether k is a record kind.
func (k Kind) IsRecord() bool { return slices.Contains(recordKinds, k) }

// Valid reports whether k is a kind of this package.
func (k Kind) Valid() bool { return k.IsConfig() || k.IsRecord() }
