package transform

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	xtransform "golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// legalForms are how companies are constituted, folded as words are.
var legalForms = strings.Fields(`
	ltd limited plc llp llc lp inc incorporated corp corporation co company pty
	gmbh mbh ag kg ohg ug ev haftungsbeschrankt sa sas sarl srl spa bv nv ab as
	aps oy oyj sl kft sro doo`)

// CompanyKey returns what two spellings of a company's name have in common:
// "ACME Widgets Ltd." and "Acme-Widgets Limited" have the key "acme widgets".
// It is for finding candidates to match, never for writing. Letters are folded,
// accents, punctuation and legal forms at the end are left out; a name that is
// nothing but legal forms keeps its first word. CompanyKey(CompanyKey(s)) is
// CompanyKey(s).
func CompanyKey(name string) string {
	unaccented := xtransform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	folded := cases.Fold().String(strings.ToValidUTF8(name, " ")) // norm leaves letters behind a bad byte as they are
	if s, _, err := xtransform.String(unaccented, folded); err == nil {
		folded = cases.Fold().String(s)
	}
	folded = strings.NewReplacer("&", " and ", "+", " and ", "'", "", "’", "", ".", "").Replace(folded)
	words := strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	for len(words) > 1 && slices.Contains(legalForms, words[len(words)-1]) {
		words = words[:len(words)-1]
		if len(words) > 1 && words[len(words)-1] == "and" { // "& Co. KG"
			words = words[:len(words)-1]
		}
	}
	return strings.Join(words, " ")
}
