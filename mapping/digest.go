package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Digest returns a text that is another one whenever the map says something
// else: comments, order within a mapping and the names of files do not count.
// What transforms and strategies of the host do is not part of it.
func (m *Map) Digest() string {
	var b strings.Builder
	m.root.dump(&b)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:12])
}
