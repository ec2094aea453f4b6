package transform_test

import (
	"fmt"
	"log"

	"github.com/psasync/psasync/mapping"
	"github.com/psasync/psasync/mapping/transform"
	"github.com/psasync/psasync/psa"
)

func ExampleAll() {
	transforms, err := transform.All(&transform.Options{Region: "GB"})
	if err != nil {
		log.Fatal(err)
	}
	src := `version: 1
kinds:
  contact:
    fields:
      phone: {app: tel, transform: phone}
  note:
    fields:
      text: {app: body, transform: html_to_markdown}
`
	m, err := mapping.Parse("map.yaml", []byte(src), &mapping.Options{Transforms: transforms})
	if err != nil {
		log.Fatal(err)
	}
	mapper, err := m.Compile(nil)
	if err != nil {
		log.Fatal(err)
	}
	contact, _ := mapper.To(mapping.Right, psa.Record{
		Ref: psa.Ref{Kind: psa.KindContact, ID: "77"}, Fields: psa.Fields{"phone": "020 7946 0000 ext 12"},
	}, nil)
	note, _ := mapper.To(mapping.Right, psa.Record{
		Ref: psa.Ref{Kind: psa.KindNote, ID: "9"}, Fields: psa.Fields{"text": "<p>Rebooted <b>AP-3</b>,<br>monitoring.</p>"},
	}, nil)
	fmt.Println(contact["tel"])
	fmt.Println(note["body"])
	// Output:
	// +442079460000 x12
	// Rebooted **AP-3**,
	// monitoring.
}

func ExampleCompanyKey() {
	fmt.Println(transform.CompanyKey("ACME Widgets Ltd."))
	fmt.Println(transform.CompanyKey("Acme-Widgets Limited"))
	// Output:
	// acme widgets
	// acme widgets
}
