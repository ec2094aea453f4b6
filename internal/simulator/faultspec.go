package simulator

import (
	"fmt"
	"slices"
	"time"
)

// faultSpec is a Fault as the control page takes it.
type faultSpec struct {
	Method     string            `json:"method,omitempty"`
	Path       string            `json:"path,omitempty"`
	Nth        int               `json:"nth,omitempty"`
	Count      int               `json:"count,omitempty"`
	Latency    string            `json:"latency,omitempty"`
	Status     int               `json:"status,omitempty"`
	Header     map[string]string `json:"header,omitempty"`
	Body       string            `json:"body,omitempty"`
	Apply      bool              `json:"apply,omitempty"`
	Drop       bool              `json:"drop,omitempty"`
	Cut        Cut               `json:"cut,omitempty"`
	SlowChunk  int               `json:"slowChunk,omitempty"`
	SlowEvery  string            `json:"slowEvery,omitempty"`
	LoginPage  bool              `json:"loginPage,omitempty"`
	Redirect   string            `json:"redirect,omitempty"`
	EmptyList  bool              `json:"emptyList,omitempty"`
	RepeatPage bool              `json:"repeatPage,omitempty"`
	CapPage    int               `json:"capPage,omitempty"`
	Shift      int               `json:"shift,omitempty"`
	NextHost   string            `json:"nextHost,omitempty"`
	CountDelta int               `json:"countDelta,omitempty"`
}

func (s faultSpec) fault() (Fault, error) {
	f := Fault{
		Method: s.Method, Path: s.Path, Nth: s.Nth, Count: s.Count, Status: s.Status, Header: s.Header, Body: s.Body, Apply: s.Apply, Drop: s.Drop,
		Cut: s.Cut, SlowChunk: s.SlowChunk, EmptyList: s.EmptyList, RepeatPage: s.RepeatPage, CapPage: s.CapPage, Shift: s.Shift,
		NextHost: s.NextHost, CountDelta: s.CountDelta,
	}
	if !slices.Contains([]Cut{"", CutLength, CutChunk, CutValid}, s.Cut) {
		return f, fmt.Errorf("cut must be length, chunk or valid, not %q", s.Cut)
	}
	if s.Status != 0 && (s.Status < 200 || s.Status > 599) {
		return f, fmt.Errorf("status %d is not an HTTP status", s.Status)
	}
	for _, d := range []struct {
		text string
		into *time.Duration
	}{{s.Latency, &f.Latency}, {s.SlowEvery, &f.SlowEvery}} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil {
			return f, err
		}
		*d.into = v
	}
	switch {
	case s.LoginPage:
		l := LoginPage()
		f.Status, f.Header, f.Body = l.Status, l.Header, l.Body
	case s.Redirect != "":
		l := Redirect(s.Redirect)
		f.Status, f.Header = l.Status, l.Header
	}
	return f, nil
}

func specOf(f Fault) faultSpec {
	s := faultSpec{
		Method: f.Method, Path: f.Path, Nth: f.Nth, Count: f.Count, Status: f.Status, Header: f.Header, Body: f.Body, Apply: f.Apply, Drop: f.Drop,
		Cut: f.Cut, SlowChunk: f.SlowChunk, EmptyList: f.EmptyList, RepeatPage: f.RepeatPage, CapPage: f.CapPage, Shift: f.Shift,
		NextHost: f.NextHost, CountDelta: f.CountDelta,
	}
	if f.Latency > 0 {
		s.Latency = f.Latency.String()
	}
	if f.SlowEvery > 0 {
		s.SlowEvery = f.SlowEvery.String()
	}
	return s
}
