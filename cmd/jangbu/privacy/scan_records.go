package privacy

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

// text notes a text that differs once what identifies a person has been taken from it, and
// reports whether it does.
func (s *scan) text(in, field, before, after string) (place, bool) {
	if before == after {
		return place{}, false
	}
	p := events.PersonalInText(before)
	if p == events.NothingPersonal {
		p = events.PersonalInID(before)
	}
	at := place{In: in, Field: field, Holds: p.String()}
	s.note(at, 0)
	return at, true
}

// letters scans what is not sealed of dead letters.
func (s *scan) letters(ctx context.Context) error {
	q := events.DeadLetterQuery{Limit: scanPage}
	for {
		page, err := s.log.DeadLetters().List(ctx, q)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := s.letter(ctx, &page[i]); err != nil {
				return err
			}
		}
		q.After = &page[len(page)-1]
	}
}

func (s *scan) letter(ctx context.Context, d *events.DeadLetter) error {
	s.out.DeadLetters++
	var now events.DeadLetter
	differs, err := s.redacting(ctx, func(name events.Namer) (differs bool) {
		now, differs = d.Redact(name)
		return differs
	})
	s.text("deadLetters", "detail", d.Detail, now.Detail)
	if d.Discarded != nil {
		s.text("deadLetters", "who", d.Discarded.By, now.Discarded.By)
		s.text("deadLetters", "why", d.Discarded.Why, now.Discarded.Why)
	}
	if err != nil || !differs {
		return err
	}
	return s.log.DeadLetters().Reword(ctx, now)
}

// erasures scans the records of erasures. The campaigns of this command's, which may have been
// interrupted before it came to their rows, are folded anew.
func (s *scan) erasures(ctx context.Context) error {
	all, err := s.log.Erasures().List(ctx, "")
	if err != nil {
		return err
	}
	for _, e := range all {
		now := e
		differs, err := s.redacting(ctx, func(name events.Namer) (differs bool) {
			now, differs = e.Redact(name)
			return differs
		})
		s.text("erasures", "campaign", string(e.Campaign), string(now.Campaign))
		s.text("erasures", "who", e.Who, now.Who)
		s.text("erasures", "why", e.Why, now.Why)
		if err == nil && differs {
			err = s.log.Erasures().Reword(ctx, e, now)
		}
		if err != nil {
			return err
		}
		if s.Erase && len(e.Positions) > 0 && e.Who == s.Who && e.Why == s.Why {
			s.refold[now.Campaign] = true
		}
	}
	return nil
}

// accesses scans the records of accesses. One of this command before says that it goes on with
// one that may have been interrupted.
func (s *scan) accesses(ctx context.Context) error {
	runs := 0
	for before := int64(0); ; {
		page, err := s.log.Accesses().List(ctx, before, scanPage)
		if err != nil || len(page) == 0 {
			s.changed = s.changed || runs > 1
			return err
		}
		for _, a := range page {
			if s.Erase && a.Command == scanErase && a.Who == s.Who && a.Why == s.Why {
				runs++
			}
			var now events.Access
			differs, err := s.redacting(ctx, func(name events.Namer) (differs bool) {
				now, differs = a.Redact(name)
				return differs
			})
			s.text("accesses", "subject", a.Subject, now.Subject)
			s.text("accesses", "who", a.Who, now.Who)
			s.text("accesses", "why", a.Why, now.Why)
			if err == nil && differs {
				err = s.log.Accesses().Reword(ctx, now)
			}
			if err != nil {
				return err
			}
		}
		before = page[len(page)-1].ID
	}
}

// rights scans the records of rights that were withdrawn. Subjects are hashed there, as in what
// this release records.
func (s *scan) rights(ctx context.Context) error {
	all, err := s.log.Rights().Withdrawn(ctx, time.Time{})
	if err != nil {
		return err
	}
	inPlain, shops := false, make(map[events.Shop]bool)
	for _, w := range all {
		if w.InPlain() {
			inPlain = true
			s.note(place{In: "rights", Field: "subject", Holds: events.PersonalInID(w.Subject.Name()).String()}, 0)
		}
		if p := events.PersonalInID(string(w.Shop)); p != events.NothingPersonal {
			shops[w.Shop] = true
			s.note(place{In: "rights", Field: "shop", Holds: p.String()}, 0)
		}
	}
	if !s.Erase || !inPlain && len(shops) == 0 {
		return nil
	}
	s.changed = true
	if err := s.openKeeper(ctx); err != nil {
		return err
	}
	for shop := range shops {
		if err := s.log.Rights().RenameShop(ctx, shop, events.RedactID(shop, s.namer)); err != nil {
			return err
		}
	}
	if !inPlain {
		return nil
	}
	key, err := (stores.CacheKeyConfig{}).SubjectKey(&s.Config, s.KeyConfig)
	if err != nil {
		return err
	}
	_, err = s.log.Rights().Conceal(ctx, key)
	return err
}

// keys scans the names under which the campaigns' keys are.
func (s *scan) keys(ctx context.Context) (err error) {
	if s.LogPlace().Postgres == "" {
		if _, err := os.Stat(s.KeysPath()); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	keys, closeKeys, err := s.OpenKeys(ctx, s.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeKeys()) }()
	for after := events.ReservedKey; ; {
		page, err := keys.Campaigns(ctx, after, scanPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1]
		for _, c := range slices.DeleteFunc(page, func(c events.Campaign) bool { return events.PersonalInID(string(c)) == events.NothingPersonal }) {
			s.note(place{In: "keys", Field: "campaign", Holds: events.PersonalInID(string(c)).String()}, 0)
			if !s.Erase {
				continue
			}
			if err := s.openKeeper(ctx); err != nil {
				return err
			}
			if err := s.keeper.Rename(ctx, c, events.RedactID(c, s.namer)); err != nil {
				return err
			}
			s.changed = true
		}
	}
	if !s.changed {
		return nil
	}
	return keys.Compact(ctx)
}
