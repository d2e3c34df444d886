package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"jangbu/events"
	"jangbu/events/archive"
)

const (
	// attempts is how often a copy is begun during which persons are erased, or keys replaced.
	attempts = 3
	// lettersAtOnce bounds the memory of a page of letters: each may seal a record (I14).
	lettersAtOnce = 32
	entriesAtOnce = 1_000
)

// Step is called with how far a step of the work has got, in positions of the log.
type Step func(verb string, at, of events.Position)

// Create makes the directory, for its owner only, in which a backup can be written: it returns
// fs.ErrExist where there is anything in it.
func Create(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the backup's directory: %w", err)
	}
	held, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into the backup's directory: %w", err)
	}
	if len(held) > 0 {
		return fmt.Errorf("%s: %w: expected an empty directory, or none", dir, os.ErrExist)
	}
	return os.Chmod(dir, 0o700)
}

// Write writes a backup to a directory that [Create] made. The program is the version that the
// manifest names. Where it fails, what it has written is taken away.
func Write(ctx context.Context, dir string, log events.Log, keys events.Keys, program string, step Step) (m Manifest, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("back up: %w", err), remove(dir))
		}
	}()
	for range attempts {
		if m, err = write(ctx, dir, log, keys, step); !errors.Is(err, ErrErasing) {
			break
		}
		if err := remove(dir); err != nil {
			return m, err
		}
	}
	if err != nil {
		return m, err
	}
	m.Format, m.Version, m.Program = formatName, formatVersion, program
	return m, m.write(dir)
}

// remove takes away the files of a backup.
func remove(dir string) error {
	held, err := os.ReadDir(dir)
	for _, f := range held {
		err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
	}
	return err
}

// write writes all files but the manifest, in the order that the package's documentation gives.
func write(ctx context.Context, dir string, log events.Log, keys events.Keys, step Step) (m Manifest, err error) {
	erased, err := log.Erasures().List(ctx, "")
	if err != nil {
		return m, err
	}
	m.TakenAt = time.Now().UTC().Truncate(time.Microsecond)
	sources, err := writeLines(dir, sourcesName, func(l *lines) error { return writeSources(ctx, l, log) })
	if err != nil {
		return m, err
	}
	letters, err := writeLines(dir, lettersName, func(l *lines) error { return writeLetters(ctx, l, log) })
	if err != nil {
		return m, err
	}
	totals, err := log.Totals(ctx)
	if err != nil {
		return m, err
	}
	m.Head = totals.Head
	if m.Files, m.Link, err = writeLog(ctx, dir, log, m.Head, step); err != nil {
		return m, err
	}
	accesses, err := writeLines(dir, accessesName, func(l *lines) error { return writeAccesses(ctx, l, log) })
	if err != nil {
		return m, err
	}
	rights, err := writeLines(dir, rightsName, func(l *lines) error { return writeRights(ctx, l, log) })
	if err != nil {
		return m, err
	}
	entries, err := writeAllKeys(ctx, dir, keys)
	if err != nil {
		return m, err
	}
	m.Files = append(m.Files, letters, sources, accesses, rights, entries)
	since, err := log.Erasures().List(ctx, "")
	if err == nil && !reflect.DeepEqual(erased, since) {
		err = ErrErasing
	}
	return m, err
}

// archiveManifest is the name of the manifest of the log's export.
const archiveManifest = logName + ".manifest.json"

// writeLog exports the events up to the head.
func writeLog(ctx context.Context, dir string, log events.Log, head events.Position, step Step) (files []File, link string, err error) {
	if head == 0 {
		return nil, events.Link{}.String(), nil
	}
	path := filepath.Join(dir, logName)
	w, err := archive.Create(path, events.Link{})
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := archive.Export(ctx, log, w, 1, head, func(at events.Position) { step("copied", at, head) }); err != nil {
		if errors.Is(err, archive.ErrErased) {
			err = fmt.Errorf("%w: %w", ErrErasing, err)
		}
		return nil, "", err
	}
	m, err := w.Finish(ctx, time.Now())
	if err != nil {
		return nil, "", err
	}
	for _, name := range []string{logName, archiveManifest} {
		f, err := measure(dir, name, int64(head))
		if err != nil {
			return nil, "", err
		}
		files = append(files, f)
	}
	return files, m.Link, nil
}

func writeSources(ctx context.Context, l *lines, log events.Log) error {
	all, err := log.Sources().List(ctx)
	for i := 0; err == nil && i < len(all); i++ {
		err = l.add(sourceOf(all[i]))
	}
	return err
}

// writeLetters copies the letters, the newest first. One that is buried meanwhile comes again.
func writeLetters(ctx context.Context, l *lines, log events.Log) error {
	q := events.DeadLetterQuery{Limit: lettersAtOnce}
	for {
		page, err := log.DeadLetters().List(ctx, q)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := l.add(letterOf(&page[i])); err != nil {
				return err
			}
		}
		q.After = &page[len(page)-1]
	}
}

// writeAccesses copies the records, the oldest first, in which order a log takes them back.
func writeAccesses(ctx context.Context, l *lines, log events.Log) error {
	newest, err := log.Accesses().List(ctx, 0, 1)
	if err != nil || len(newest) == 0 {
		return err
	}
	for after := int64(0); after < newest[0].ID; after += entriesAtOnce {
		page, err := log.Accesses().List(ctx, after+entriesAtOnce+1, entriesAtOnce)
		if err != nil {
			return err
		}
		for _, a := range slices.Backward(page) {
			if a.ID > after {
				if err := l.add(access{a.At, a.Command, a.Subject, a.Who, a.Why}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func writeRights(ctx context.Context, l *lines, log events.Log) error {
	all, err := log.Rights().Withdrawn(ctx, time.Time{})
	for i := 0; err == nil && i < len(all); i++ {
		err = l.add(rightOf(all[i]))
	}
	return err
}

// writeAllKeys copies the keys, all of which one master key wraps.
func writeAllKeys(ctx context.Context, dir string, keys events.Keys) (f File, err error) {
	for range attempts {
		f, err = writeLines(dir, keysName, func(l *lines) error { return writeKeys(ctx, l, keys) })
		if !errors.Is(err, events.ErrRotated) {
			return f, err
		}
	}
	return f, err
}

// writeKeys returns [events.ErrRotated] if the master key is rotated meanwhile.
func writeKeys(ctx context.Context, l *lines, keys events.Keys) error {
	reserved := []events.Campaign{events.ReservedKey}
	before, err := keys.Keys(ctx, reserved)
	if err != nil {
		return err
	}
	for page := reserved; len(page) > 0; {
		if err := writeKeyPage(ctx, l, keys, page); err != nil {
			return err
		}
		if page, err = keys.Campaigns(ctx, page[len(page)-1], entriesAtOnce); err != nil {
			return err
		}
	}
	after, err := keys.Keys(ctx, reserved)
	if err == nil && !reflect.DeepEqual(before, after) {
		err = events.ErrRotated
	}
	return err
}

func writeKeyPage(ctx context.Context, l *lines, keys events.Keys, page []events.Campaign) error {
	wrapped, err := keys.Keys(ctx, page)
	if err != nil {
		return err
	}
	added, err := keys.Added(ctx, page)
	if err != nil {
		return err
	}
	for _, c := range page {
		at, ok := added[c]
		if entry, both := wrapped[c]; ok && both { // else its campaign has another name by now, and the copy is begun anew
			if err := l.add(key{c, entry, at}); err != nil {
				return err
			}
		}
	}
	return nil
}
