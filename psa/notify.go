package psa

import (
	"fmt"
	"strconv"
	"strings"
)

// Notify says who may get mail because of a write. As text it is "none",
// "contact", "resources" or "contact,resources".
type Notify uint8

// The zero Notify tells nobody; the others can be combined.
const (
	NotifyNone      Notify = 0
	NotifyContact   Notify = 1
	NotifyResources Notify = 2
)

var notifyNames = [...]string{"contact", "resources"} // by bit

const notifyNone = "none"

// String returns the text form; what it has no name for is a number.
func (n Notify) String() string {
	if n == NotifyNone {
		return notifyNone
	}
	if n >= 1<<len(notifyNames) {
		return strconv.Itoa(int(n))
	}
	var names []string
	for i, name := range notifyNames {
		if n&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// MarshalText returns the form of String. A value that has no name is
// [ErrInvalid].
func (n Notify) MarshalText() ([]byte, error) {
	if n >= 1<<len(notifyNames) {
		return nil, fmt.Errorf("%w: notify %d", ErrInvalid, n)
	}
	return []byte(n.String()), nil
}

// UnmarshalText reads the form of String, and the number that earlier versions
// wrote. What is neither is [ErrInvalid] and changes nothing.
func (n *Notify) UnmarshalText(b []byte) error {
	text := string(b)
	if i, err := strconv.ParseUint(text, 10, 8); err == nil && i < 1<<len(notifyNames) {
		*n = Notify(i)
		return nil
	}
	if text == notifyNone {
		*n = NotifyNone
		return nil
	}
	var out Notify
next:
	for name := range strings.SplitSeq(text, ",") {
		for i, known := range notifyNames {
			if bit := Notify(1) << i; name == known && out&bit == 0 {
				out |= bit
				continue next
			}
		}
		return fmt.Errorf("%w: notify is no text such as %q", ErrInvalid, NotifyContact|NotifyResources)
	}
	*n = out
	return nil
}

// UnmarshalJSON reads the text form, and the number that earlier versions wrote.
func (n *Notify) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if text, err := strconv.Unquote(string(b)); err == nil {
		b = []byte(text)
	}
	return n.UnmarshalText(b)
}
