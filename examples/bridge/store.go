package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the engine is the program's choice

	"github.com/psasync/psasync/cache/sqlite"
)

// database is a store and the file it lies in.
type database struct {
	*sqlite.Store
	db   *sql.DB
	name string
	temp string // folder to remove; "" if the user named the file
}

// openStore opens a file, or a temporary one for "".
func openStore(ctx context.Context, file string, now func() time.Time) (*database, error) {
	d := &database{name: file}
	if file == "" {
		dir, err := os.MkdirTemp("", "psasync-bridge")
		if err != nil {
			return nil, err
		}
		d.temp, d.name = dir, "a temporary file"
		file = filepath.Join(dir, "bridge.db")
	}
	var err error
	if d.db, err = sql.Open("sqlite", file); err == nil {
		d.Store, err = sqlite.New(ctx, d.db, &sqlite.Options{Now: now})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), d.Close())
	}
	return d, nil
}

// Close closes the store and its file, and removes a temporary one.
func (d *database) Close() error {
	var errs []error
	if d.Store != nil {
		errs = append(errs, d.Store.Close())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	if d.temp != "" {
		errs = append(errs, os.RemoveAll(d.temp))
	}
	return errors.Join(errs...)
}
