package simulator

// FirstNames are given names of people, for generated tenants.
func FirstNames() []string {
	return []string{
		"Dana", "Priya", "Owen", "Maya", "Lewis", "Aisha", "Tom", "Grace", "Callum", "Nadia", "Ben", "Ella", "Hugo", "Sofia", "Ravi",
		"Imogen", "Jack", "Leila", "Marcus", "Beth", "Karim", "Freya", "Isaac", "Orla", "Felix", "Zara", "Neil", "Joanna", "Theo", "Anya",
	}
}

// LastNames are family names of people, for generated tenants.
func LastNames() []string {
	return []string{
		"Ruiz", "Shah", "Clarke", "Okafor", "Bennett", "Novak", "Hughes", "Patel", "Walsh", "Lindqvist", "Marsh", "Costa", "Doyle", "Ahmed", "Fletcher",
		"Grant", "Iqbal", "Jansen", "Keane", "Larsson", "Moreno", "Norris", "O'Brien", "Price", "Quinn", "Reid", "Sato", "Turner", "Usman", "Vance",
		"Weaver", "Young", "Zhang", "Archer", "Boyd", "Cole", "Dixon",
	}
}

// CompanyNames are names of companies, for generated tenants.
func CompanyNames() []string {
	return []string{
		"Acme Widgets", "Bluebird Dental", "Calder Valley Homes", "Dunmore Legal", "Eastgate Academy", "Fairfax Engineering", "Greenfield Farms",
		"Harrow & Sons", "Ivybridge Care", "Juniper Travel", "Kestrel Logistics", "Lakeside Hotels", "Mistral Foods", "Northway Builders", "Oakridge Finance",
		"Pennine Textiles", "Quarry Bank School", "Riverside Clinic", "Stonebridge Motors", "Tamar Shipping",
	}
}

// Summaries are what tickets are about, for generated tenants.
func Summaries() []string {
	return []string{
		"Wi-Fi drops on floor 3", "Cannot print since this morning", "New starter on Monday", "Outlook keeps asking for the password",
		"Server disk C: below 10 %", "VPN does not connect from home", "Shared mailbox for the sales team", "Laptop screen flickers",
		"Backup job failed last night", "Phishing mail reported", "Teams calls are choppy", "Please remove a leaver's account",
	}
}
