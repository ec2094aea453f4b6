package halopsatest

func firstNames() []string {
	return []string{
		"Dana", "Priya", "Owen", "Maya", "Lewis", "Aisha", "Tom", "Grace", "Callum", "Nadia", "Ben", "Ella", "Hugo", "Sofia", "Ravi",
		"Imogen", "Jack", "Leila", "Marcus", "Beth", "Karim", "Freya", "Isaac", "Orla", "Felix", "Zara", "Neil", "Joanna", "Theo", "Anya",
	}
}

func lastNames() []string {
	return []string{
		"Ruiz", "Shah", "Clarke", "Okafor", "Bennett", "Novak", "Hughes", "Patel", "Walsh", "Lindqvist", "Marsh", "Costa", "Doyle", "Ahmed", "Fletcher",
		"Grant", "Iqbal", "Jansen", "Keane", "Larsson", "Moreno", "Norris", "O'Brien", "Price", "Quinn", "Reid", "Sato", "Turner", "Usman", "Vance",
		"Weaver", "Young", "Zhang", "Archer", "Boyd", "Cole", "Dixon",
	}
}

func companyNames() []string {
	return []string{
		"Acme Widgets", "Bluebird Dental", "Calder Valley Homes", "Dunmore Legal", "Eastgate Academy", "Fairfax Engineering", "Greenfield Farms",
		"Harrow & Sons", "Ivybridge Care", "Juniper Travel", "Kestrel Logistics", "Lakeside Hotels", "Mistral Foods", "Northway Builders", "Oakridge Finance",
		"Pennine Textiles", "Quarry Bank School", "Riverside Clinic", "Stonebridge Motors", "Tamar Shipping",
	}
}

func summaries() []string {
	return []string{
		"Wi-Fi drops on floor 3", "Cannot print since this morning", "New starter on Monday", "Outlook keeps asking for the password",
		"Server disk C: below 10 %", "VPN does not connect from home", "Shared mailbox for the sales team", "Laptop screen flickers",
		"Backup job failed last night", "Phishing mail reported", "Teams calls are choppy", "Please remove a leaver's account",
	}
}

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
