package main

func (s *stage) lastWriteWins() error { return nil }
func (s *stage) sourceOfTruth() error { return nil }
func (s *stage) manual() error        { return nil }
func (s *stage) crash() error         { return nil }
func (s *stage) phases() error        { return nil }
func (s *stage) closing() error       { return nil }
func (s *stage) curtain() error       { return nil }
