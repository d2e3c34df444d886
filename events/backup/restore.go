package backup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"jangbu/events"
	"jangbu/events/archive"
)

// maxPage bounds the bytes that are sealed in the letters of one transaction (I14).
const maxPage = 8 << 20

// Backup is a directory with a manifest.
type Backup struct {
	Manifest Manifest
	dir      string
}

// Open reads the manifest of a backup. [ErrIncomplete] if there is none.
func Open(dir string) (*Backup, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("open backup %s: %w", dir, err)
	}
	return &Backup{m, dir}, nil
}

// Verify reads the whole backup. [ErrDamaged] if a file is not that of the manifest, or the events
// do not lead to its link.
func (b *Backup) Verify(ctx context.Context, step Step) error {
	if err := b.verify(ctx, step); err != nil {
		return fmt.Errorf("verify backup %s: %w", b.dir, err)
	}
	return nil
}

func (b *Backup) verify(ctx context.Context, step Step) error {
	for _, f := range b.Manifest.Files {
		is, err := measure(b.dir, f.Name, f.Records)
		if err != nil {
			return err
		}
		if is != f {
			return fmt.Errorf("%w: %s has %d bytes with the SHA-256 %s, its manifest says %d and %s", ErrDamaged, f.Name, is.Bytes, is.SHA256, f.Bytes, f.SHA256)
		}
	}
	// Every entry is read once before the first one is restored.
	err := errors.Join(
		b.eachBeside(ctx, func(events.Beside) error { return nil }),
		b.eachKeys(ctx, func([]events.KeyEntry) error { return nil }),
	)
	if err != nil {
		return err
	}
	return b.withLog(func(r *archive.Reader) error {
		if r.Manifest.First != 1 || r.Manifest.Last != b.Manifest.Head || r.Manifest.Link != b.Manifest.Link {
			return fmt.Errorf("%w: it ends at position %d with the link %s, its manifest says %d and %s", ErrDamaged,
				r.Manifest.Last, r.Manifest.Link, b.Manifest.Head, b.Manifest.Link)
		}
		return r.Verify(ctx, func(at events.Position) { step("verified", at, b.Manifest.Head) })
	})
}

// withLog calls f with the log's export, if there is one.
func (b *Backup) withLog(f func(*archive.Reader) error) error {
	if b.Manifest.Head == 0 {
		return nil
	}
	r, err := archive.Open(filepath.Join(b.dir, logName))
	if err == nil {
		err = errors.Join(f(r), r.Close())
	}
	if errors.Is(err, archive.ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Restore puts a backup that [Backup.Verify] has passed into a log and keys that hold nothing, or
// goes on with an interrupted restore of it. It calls record once the log takes nothing else. The
// log is unfinished until its last event is there ([events.ErrUnfinished]); then all is read back.
// [ErrNotEmpty], and nothing is written, if there is anything else.
func (b *Backup) Restore(ctx context.Context, log events.Log, keys events.Keys, record func(context.Context) error, step Step) error {
	if err := b.restore(ctx, log, keys, record, step); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := b.prove(ctx, log, keys, step); err != nil {
		return fmt.Errorf("read back what was restored: %w", err)
	}
	return nil
}

func (b *Backup) restore(ctx context.Context, log events.Log, keys events.Keys, record func(context.Context) error, step Step) error {
	if err := b.vacant(ctx, log, keys); err != nil {
		return err
	}
	if err := log.Restore(ctx, nil, b.Manifest.Head); err != nil { // unfinished from now on
		return err
	}
	if err := b.eachKeys(ctx, func(page []events.KeyEntry) error { return keys.Restore(ctx, page) }); err != nil {
		return err
	}
	if err := b.eachBeside(ctx, func(some events.Beside) error { return log.RestoreBeside(ctx, some) }); err != nil {
		return err
	}
	if err := record(ctx); err != nil {
		return err
	}
	return b.withLog(func(r *archive.Reader) error {
		_, err := archive.Import(ctx, log, r, func(at events.Position) { step("restored", at, b.Manifest.Head) })
		return err
	})
}

// vacant returns [ErrNotEmpty] unless the log and the keys hold nothing, or an interrupted restore
// of a log that ends where this one does.
func (b *Backup) vacant(ctx context.Context, log events.Log, keys events.Keys) error {
	totals, err := log.Totals(ctx)
	switch {
	case err != nil:
		return err
	case totals.Restoring > 0 && totals.Restoring == b.Manifest.Head:
		return nil
	case totals.Restoring > 0:
		return fmt.Errorf("%w: the log is the part of another one that ends at position %d", ErrNotEmpty, totals.Restoring)
	case totals.Head > 0:
		return fmt.Errorf("%w: events: %d", ErrNotEmpty, totals.Head)
	case totals.DeadLettered > 0:
		return fmt.Errorf("%w: dead letters: %d", ErrNotEmpty, totals.DeadLettered)
	}
	sources, err := log.Sources().List(ctx)
	if err != nil {
		return err
	}
	if len(sources) > 0 {
		return fmt.Errorf("%w: the log has read %s", ErrNotEmpty, sources[0].Topic)
	}
	reserved, err := keys.Keys(ctx, []events.Campaign{events.ReservedKey})
	if err != nil {
		return err
	}
	campaigns, err := keys.Campaigns(ctx, events.ReservedKey, 1)
	if err == nil && len(reserved)+len(campaigns) > 0 {
		err = fmt.Errorf("%w: there are keys", ErrNotEmpty)
	}
	return err
}

// eachBeside calls f with all that is beside the events, in pages.
func (b *Backup) eachBeside(ctx context.Context, f func(events.Beside) error) error {
	var page events.Beside
	bytes := 0
	flush := func() error {
		err := f(page)
		page, bytes = events.Beside{}, 0
		return err
	}
	err := eachLine(ctx, b, lettersName, func(l letter) error {
		d, err := l.deadLetter()
		if err != nil {
			return err
		}
		page.Letters, bytes = append(page.Letters, d), bytes+len(d.Sealed)
		if bytes < maxPage && len(page.Letters) < entriesAtOnce {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	err = eachLine(ctx, b, accessesName, func(a access) error {
		page.Accesses = append(page.Accesses, events.Access{At: a.At, Command: a.Command, Subject: a.Subject, Who: a.Who, Why: a.Why})
		if len(page.Accesses) < entriesAtOnce {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	err = eachLine(ctx, b, rightsName, func(r right) error {
		w, err := r.withdrawn()
		if page.Rights = append(page.Rights, w); err != nil || len(page.Rights) < entriesAtOnce {
			return err
		}
		return flush()
	})
	if err != nil {
		return err
	}
	// The sources last: a log that has them has the letters that were read from them.
	err = eachLine(ctx, b, sourcesName, func(s source) error {
		page.Sources = append(page.Sources, s.state())
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// eachKeys calls f with the entries of the key store, in pages. The reserved entry is the first.
func (b *Backup) eachKeys(ctx context.Context, f func([]events.KeyEntry) error) error {
	var page []events.KeyEntry
	err := eachLine(ctx, b, keysName, func(k key) error {
		if page = append(page, events.KeyEntry(k)); len(page) < entriesAtOnce {
			return nil
		}
		err := f(page)
		page = page[:0]
		return err
	})
	if err == nil && len(page) > 0 {
		err = f(page)
	}
	return err
}

// prove compares what the log and the keys hold now with the manifest, and every event with the
// chain.
func (b *Backup) prove(ctx context.Context, log events.Log, keys events.Keys, step Step) error {
	var mark events.Mark
	for mark.Position < b.Manifest.Head {
		read, err := log.Read(ctx, mark.Position, entriesAtOnce)
		if err != nil {
			return err
		}
		if len(read) == 0 {
			return fmt.Errorf("%w: the log ends at position %d, before %d", events.ErrCorrupt, mark.Position, b.Manifest.Head)
		}
		for i := range read {
			mark = mark.Next(read[i].Digest)
		}
		step("read back", mark.Position, b.Manifest.Head)
	}
	stored, ok, err := log.Chain().Link(ctx, b.Manifest.Head)
	if err != nil {
		return err
	}
	if !ok || stored != mark.Link || stored.String() != b.Manifest.Link {
		return fmt.Errorf("%w: the chain ends with %s, the events lead to %s, and the manifest says %s", events.ErrCorrupt, stored, mark.Link, b.Manifest.Link)
	}
	totals, err := log.Totals(ctx)
	if err != nil {
		return err
	}
	sources, err := log.Sources().List(ctx)
	if err != nil {
		return err
	}
	entries, err := countKeys(ctx, keys)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what      string
		has, want int64
	}{
		{"events", int64(totals.Head), int64(b.Manifest.Head)},
		{"dead letters", totals.DeadLettered, b.Manifest.DeadLetters()},
		{"sources", int64(len(sources)), b.Manifest.Sources()},
		{"keys", entries, b.Manifest.Keys()},
	} {
		if c.has != c.want {
			return fmt.Errorf("%w: it holds %d %s, the backup %d", events.ErrCorrupt, c.has, c.what, c.want)
		}
	}
	return nil
}

// countKeys returns the number of entries, with the reserved one.
func countKeys(ctx context.Context, keys events.Keys) (n int64, err error) {
	reserved, err := keys.Keys(ctx, []events.Campaign{events.ReservedKey})
	if err != nil {
		return 0, err
	}
	n = int64(len(reserved))
	for after := events.ReservedKey; ; {
		page, err := keys.Campaigns(ctx, after, entriesAtOnce)
		if err != nil || len(page) == 0 {
			return n, err
		}
		n, after = n+int64(len(page)), page[len(page)-1]
	}
}
