// Package enginetest runs the suites of package cachetest on real database
// engines, kills processes while they commit, fills disks, and measures. It
// holds tests only and is imported by nobody, so that no importer of this
// module meets an engine.
package enginetest
