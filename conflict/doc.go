// Package conflict decides what a record shall hold that was changed on both
// sides of a bridge.
//
// A decision has three steps, each of which stands alone and does no I/O:
//
//  1. [Classify] (or [Conflict.Change] for a group of fields) compares both
//     sides with the base, the state they last agreed on.
//  2. [Own] holds back what the side that does not own a field changed.
//  3. What is left, a true conflict, goes to a [Strategy] through [Decide].
//
// The first two steps as a table. Letters are values; null, which clears a
// field, is a value like any other; "-" is absent, which means not known and is
// therefore never a change. The same rows hold with the sides swapped.
//
//	base left right | change     nobody owns it   the left side owns it, policy
//	                |                             restore           tolerate   ask
//	----------------+-----------------------------------------------------------------
//	 a    a    a    | Same       Nothing          Nothing           Nothing    Nothing
//	 a    b    a    | LeftOnly   Propagate Right  Propagate Right   (likewise) (likewise)
//	 a    a    b    | RightOnly  Propagate Left   WriteBack Right   Differ     Wait
//	 a    b    b    | BothSame   Adopt            Adopt             Adopt      Adopt
//	 a    b    c    | Clash      Contend          WriteBack Right   Differ     Wait
//	 a    -    a    | Same       a side that does not tell a field changed nothing
//	 a    -    b    | RightOnly
//	 a    -    -    | Same
//	 -    a    -    | LeftOnly   no base: the first time both sides are compared
//	 -    a    a    | BothSame
//	 -    a    b    | Clash
//	 -    -    -    | Same
//
// # Strategies
//
// A strategy is a function that answers with one of four actions: [NoOpinion]
// (somebody else may decide), [Take] (one side's values), [Merge] (values made
// of both) or [Hold] (a person decides; nobody further is asked). What nobody
// decides is left as it is on both sides and waits.
//
//	PreferLeft, PreferRight  one side wins
//	PreferFilled             the side that has a value wins over an empty one
//	Newest                   the later change wins, where the stamps prove it
//	SourceOfTruth            one side wins for some fields or classes
//	MergeText, MergeSet      both changes, where they do not touch
//	Manual                   a person decides
//
// They are composed by [First], [PerField], [PerClass], [PerKind], [ByPhase],
// [Named] and [NoteLoser]. [Parse] reads a strategy as a field map spells it.
// Strategies of this package are pure and safe for concurrent use.
//
// # Values
//
// A value is nil, bool, string, json.Number, []any or a map with string keys
// and any values, such as psa.Fields. Numbers are expected in one spelling
// ("1", not "1.0"). This package needs to know no more of them than [Equal]
// does; what it hands out it took from one of the sides. Values are shared, not
// copied: do not modify them.
package conflict
