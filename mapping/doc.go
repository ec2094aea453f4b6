// Package mapping says in YAML what a field of one system is in another.
//
// A [Map] is between a PSA and a host, or two PSAs: which field is which, how
// values translate, who owns a field, which records take part. [Load] reads it
// with what it extends, [Map.Lint] compares it with what both systems offer,
// [Map.Compile] makes a [Mapper] that applies it in both directions, and
// [Scaffold] writes a first one. README.md in this directory is the guide.
//
// A [Layout] describes the rows of one vendor: where a canonical field of
// package psa stands in the vendor's JSON, and how its values translate. Each
// adapter embeds one as fields.yaml; [KindLayout.Decode] turns a vendor row
// into a psa.Record in one pass over its bytes.
//
// Files are read strictly: an unknown key, a duplicate key, a field or type
// that does not exist and everything that YAML converts silently (017, 1_000,
// yes, bare dates, aliases, merge keys) is an error that names its line and
// column. All errors of a file are reported at once, as [*Error].
package mapping
