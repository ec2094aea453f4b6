package autotasktest

import "strings"

func lower(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "'", "", "&", "and").Replace(s))
}

func firstNames() []string {
	return []string{
		"Mira", "Jonas", "Amara", "Piotr", "Helen", "Diego", "Ingrid", "Samir", "Ruth", "Tariq", "Nora", "Viktor", "Elise", "Hassan", "Carla",
		"Bram", "Yuki", "Stefan", "Alma", "Gregor", "Lucia", "Emeka", "Tessa", "Arjun", "Marta", "Colin", "Farah", "Rolf", "Simone", "Kofi",
	}
}

func lastNames() []string {
	return []string{
		"Voss", "Berg", "Nowak", "Osei", "Marino", "Fischer", "Haddad", "Keller", "Adeyemi", "Sorensen", "Duarte", "Wolff", "Ivanov", "Mensah", "Ricci",
		"Larkin", "Petrov", "Schmidt", "Varga", "Bianchi", "Dahl", "Farouk", "O'Neill", "Tanaka", "Weber", "Zielinski", "Moreau", "Singh", "Hartley", "Costa",
		"Braun", "Lund", "Sato", "Romero", "Kovacs", "Baker", "Nielsen",
	}
}

func queueNames() []string {
	return []string{
		"Triage", "Level I Support", "Level II Support", "Client Portal", "Monitoring Alert", "Post Sale", "Recurring Tickets", "Administration", "Network Operations",
		"Security", "Cloud", "Projects", "Backup", "Onboarding", "Procurement", "Escalations", "Field Services", "Maintenance", "Voice", "Legacy",
	}
}

func statusNames() []string {
	return []string{
		"In Progress", "Waiting Materials", "Dispatched", "Customer Note Added", "Waiting Vendor", "On Hold", "Escalate", "Scheduled", "Change Order", "RMA",
		"Assigned", "Work Complete", "Billed", "Waiting Approval", "Rejected", "Accepted", "Ready to Quote", "Quote Sent", "Parts Ordered", "Parts Received", "Re-opened", "Old Pending",
	}
}

func issueNames() []string {
	return []string{
		"Computer", "Email", "Peripherals", "Network", "Server", "Software", "Security", "Telephony", "Account", "Backup", "Cloud", "Mobile", "Website", "Database", "Procurement",
	}
}

func subIssueNames() []string {
	return []string{
		"Not working", "Slow", "New request", "Error message", "Configuration", "Upgrade", "Replacement", "Intermittent", "Access", "Removal", "Scanner", "Label printer (old)",
	}
}

func companyNames() []string {
	return []string{
		"Harbor Dental", "Orchard Law", "Maple Street School", "Ridgeway Logistics", "Cobalt Engineering", "Fenwick Farms", "Lumen Travel", "Tidewater Clinic", "Granite Homes",
		"Juniper Foods", "Atlas Print", "Beacon Insurance", "Copper Canyon Hotels", "Delta Motors", "Evergreen Care", "Falcon Freight", "Golden Oak Finance", "Highland Textiles", "Iris Optics", "Keystone Supply",
	}
}

func titles() []string {
	return []string{
		"Barcode scanner offline", "Cannot print since this morning", "New starter on Monday", "Mail client asks for the password again", "Disk almost full on the file server",
		"VPN does not connect from home", "Shared mailbox for the sales team", "Laptop screen flickers", "Backup job failed last night", "Phishing mail reported",
		"Calls are choppy", "Please remove a leaver's account",
	}
}
