package halopsatest

func statusNames() []string {
	return []string{
		"New", "In Progress", "Action Required", "Awaiting User", "With Supplier", "Scheduled", "On Hold", "Awaiting Approval", "Closed", "Resolved", "Re-opened", "Updated",
		"Assigned", "Escalated", "Awaiting Parts", "Quoted", "Change Approved", "Change Rejected", "Monitoring", "Onsite", "Dispatched", "Cancelled", "Merged", "Review", "Invoiced",
	}
}

// teamNames are pairs of team and the department it is in; names repeat.
func teamNames() [][2]string {
	return [][2]string{
		{"1st Line Support", "Service"}, {"2nd Line Support", "Service"}, {"Projects", "Professional Services"}, {"1st Line Support", "Managed Services"},
		{"Escalations", "Managed Services"}, {"Network Operations", "Managed Services"}, {"Consultancy", "Professional Services"}, {"Escalations", "Service"},
	}
}

// ticketTypeName is a ticket type with its ITIL code and area.
type ticketTypeName struct {
	name string
	itil int
	use  string
}

func ticketTypeNames() []ticketTypeName {
	return []ticketTypeName{
		{"Incident", 1, "tickettype"}, {"Service Request", 3, "tickettype"}, {"Change Request", 2, "tickettype"}, {"Problem", 4, "tickettype"}, {"Project", 22, "projecttype"},
		{"Project Task", 23, "projecttype"}, {"Advice / Other", 21, "tickettype"}, {"Opportunity", 20, "opptype"}, {"New Starter", 3, "tickettype"}, {"Leaver", 3, "tickettype"},
		{"Security Alert", 1, "tickettype"}, {"Monitoring Alert", 1, "tickettype"},
	}
}

func categoryNames() [3][]string {
	return [3][]string{
		{"Hardware", "Software", "Network", "Account", "Security", "Telephony"},
		{"Laptop", "Printer", "Server", "Email", "Access", "Licence"},
		{"Fault", "Request", "Change", "Question"},
	}
}
