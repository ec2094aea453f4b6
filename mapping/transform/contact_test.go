package transform

import "testing"

func TestPhone(t *testing.T) {
	tests := []struct{ region, in, want string }{
		{"GB", "020 7946 0000", "+442079460000"},
		{"GB", "+44 (0)20 7946 0000", "+442079460000"},
		{"GB", "020 7946 0000 ext. 401", "+442079460000 x401"},
		{"GB", "+442079460000 x401", "+442079460000 x401"},
		{"GB", "tel:+44-20-7946-0000", "+442079460000"},
		{"GB", "\u00a0020 7946 0000\n", "+442079460000"},
		{"US", "(212) 736-5000", "+12127365000"},
		{"US", "+44 20 7946 0000", "+442079460000"},
		{"DE", "030/901820", "+4930901820"},
		{"IT", "06 6982", "+39066982"},
		{"", "+44 20 7946 0000", "+442079460000"},
		// No valid number, or more than one: as it was.
		{"", "020 7946 0000", "020 7946 0000"},
		{"US", "555-0140", "555-0140"},
		{"GB", "020 7946 0000 / 020 7946 0001", "020 7946 0000 / 020 7946 0001"},
		{"GB", "ask Jo: 020 7946 0000", "ask Jo: 020 7946 0000"},
		{"US", "1-800-FLOWERS", "1-800-FLOWERS"},
		{"GB", "", ""},
		{"GB", " n/a ", " n/a "},
	}
	for _, tt := range tests {
		if got := canonicalPhone(tt.in, tt.region); got != tt.want {
			t.Errorf("%q in %q: got %q, want %q", tt.in, tt.region, got, tt.want)
		}
	}
}

func TestEmail(t *testing.T) {
	for in, want := range map[string]string{
		" Ola.Berg+psa@Harbor.Example \n": "Ola.Berg+psa@harbor.example",
		"\u200bola@harbor.example\ufeff":  "ola@harbor.example",
		"info@Bücher.example":             "info@xn--bcher-kva.example",
		"info@xn--bcher-kva.example":      "info@xn--bcher-kva.example",
		"Ola <ola@harbor.example>":        "Ola <ola@harbor.example>",
		"a@x.example; b@x.example":        "a@x.example; b@x.example",
		"nobody":                          "nobody",
		"@x.example":                      "@x.example",
		"a@":                              "a@",
		"a@b c":                           "a@b c",
		"":                                "",
	} {
		if got := canonicalEmail(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCompanyKey(t *testing.T) {
	for in, want := range map[string]string{
		"ACME Widgets Ltd.":            "acme widgets",
		"Acme-Widgets  Limited":        "acme widgets",
		"Müller & Söhne GmbH & Co. KG": "muller and sohne",
		"Straße AG":                    "strasse",
		"Harbor Dental, Inc.":          "harbor dental",
		"Société Générale S.A.":        "societe generale",
		"O’Brien's":                    "obriens",
		"Limited":                      "limited",
		"Co Ltd":                       "co",
		"日本電気株式会社":                     "日本電気株式会社",
		"...":                          "",
	} {
		if got := CompanyKey(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
