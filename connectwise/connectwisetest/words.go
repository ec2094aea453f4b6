package connectwisetest

import "strings"

func lower(s string) string { return strings.ToLower(strings.ReplaceAll(s, " ", "")) }

func boardNames() []string {
	return []string{
		"Service Desk", "Managed Services", "Projects", "Network Operations", "Alerts - RMM", "Security Operations", "Onboarding", "Procurement",
		"Internal IT", "Field Services", "Cloud Services", "Backup & DR", "Voice & Telephony", "Print Services", "Escalations", "Dispatch",
		"Change Board", "Maintenance", "Education", "Healthcare",
	}
}

func regions() []string {
	return []string{"", "Leeds", "Manchester", "Newcastle", "Retail", "Legal", "Public Sector", "Out of Hours"}
}

// boardName returns the n-th of many different names.
func boardName(n int) string {
	names, regions := boardNames(), regions()
	name, region := names[n%len(names)], regions[n/len(names)%len(regions)]
	if region != "" {
		name = region + " - " + name
	}
	return name
}

func typeNames() []string {
	return []string{"Incident", "Service Request", "Problem", "Change", "Alert", "Maintenance", "Question", "Complaint", "Onboarding", "Decommission"}
}

func subtypeNames() []string {
	return []string{
		"Network", "Email", "Hardware", "Software", "Account", "Printer", "Server", "Backup", "Security", "Telephony", "Wi-Fi", "VPN", "Remote Desktop",
		"Mobile", "Licensing", "Permissions", "File Share", "Database", "Website", "Domain", "Firewall", "Switch", "Monitor", "Laptop", "Desktop",
		"Microsoft 365", "Teams", "SharePoint", "Antivirus", "Patching",
	}
}

func itemNames() []string {
	return []string{
		"Password Reset", "New User", "Leaver", "Access Request", "Slow", "Not Working", "Error Message", "Install", "Upgrade", "Replace", "Configure",
		"Move", "Quote", "Renewal", "Outage", "Intermittent", "Disk Space", "CPU High", "Memory High", "Offline", "Failed Job", "Phishing", "Spam", "Malware",
		"Lost Device", "Mailbox Full", "Shared Mailbox", "Distribution List", "Certificate", "DNS", "DHCP", "Cabling", "Access Point", "Battery",
		"Docking Station", "Keyboard", "Headset", "Toner", "Paper Jam", "Scan to Email",
	}
}
