package psatest

import "github.com/psasync/psasync/psa"

func view[V any](r psa.Record) error {
	_, err := psa.As[V](r)
	return err
}

// views decodes a record of each kind into its typed view.
func views() map[psa.Kind]func(psa.Record) error {
	return map[psa.Kind]func(psa.Record) error{
		psa.KindBoard: view[psa.Board], psa.KindStatus: view[psa.Status], psa.KindPriority: view[psa.Priority],
		psa.KindUrgency: view[psa.Urgency], psa.KindImpact: view[psa.Impact], psa.KindTicketType: view[psa.TicketType],
		psa.KindClassification:            view[psa.Classification],
		psa.KindClassificationAssociation: view[psa.ClassificationAssociation],
		psa.KindForm:                      view[psa.Form], psa.KindTeam: view[psa.Team],
		psa.KindTicketSource: view[psa.TicketSource], psa.KindServiceLocation: view[psa.ServiceLocation],
		psa.KindSLA: view[psa.SLA], psa.KindSLATarget: view[psa.SLATarget], psa.KindTemplate: view[psa.Template],
		psa.KindCustomField: view[psa.CustomField], psa.KindCompanyType: view[psa.CompanyType],
		psa.KindCompanyStatus: view[psa.CompanyStatus], psa.KindCompanyClassification: view[psa.CompanyClassification],
		psa.KindCompanyTeamRole: view[psa.CompanyTeamRole], psa.KindContactType: view[psa.ContactType],
		psa.KindContactRole: view[psa.ContactRole], psa.KindContactDepartment: view[psa.ContactDepartment],
		psa.KindCommunicationType: view[psa.CommunicationType], psa.KindMember: view[psa.Member],
		psa.KindMemberType: view[psa.MemberType], psa.KindRole: view[psa.Role], psa.KindDepartment: view[psa.Department],
		psa.KindLocation: view[psa.Location], psa.KindWorkType: view[psa.WorkType], psa.KindWorkRole: view[psa.WorkRole],
		psa.KindChargeCode: view[psa.ChargeCode], psa.KindNoteType: view[psa.NoteType],
		psa.KindCompany: view[psa.Company], psa.KindSite: view[psa.Site], psa.KindContact: view[psa.Contact],
		psa.KindTicket: view[psa.Ticket], psa.KindNote: view[psa.Note], psa.KindTimeEntry: view[psa.TimeEntry],
		psa.KindAgreement: view[psa.Agreement],
	}
}
