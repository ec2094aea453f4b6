// Package transform has the transforms of field values that need libraries:
// notes as HTML, Markdown or plain text, phone numbers, e-mail addresses. A
// host that wants them in its field maps passes [All] to mapping.Parse:
//
//	transforms, err := transform.All(&transform.Options{Region: "GB"})
//	...
//	m, err := mapping.Parse(name, src, &mapping.Options{Transforms: transforms})
//
// and names them in a rule:
//
//	text: {app: body, transform: html_to_markdown}
//
// Package mapping and the adapters do not import this package, so who leaves it
// out links none of the libraries.
//
// All of them lose something on the way, say what in Lossy, and have a canonical
// form: what one writes, it reads and writes again to the same. A value that the
// target holds already in other words is not written again.
//
// They look at one text. Who may read a note is decided by its visibility alone,
// which no transform sees.
package transform
