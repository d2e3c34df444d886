package tokens

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"jangbu/events"
	"jangbu/events/outage"
	"jangbu/httpapi/auth"
)

const (
	// rightsEvery is the time between two looks for rights that were withdrawn.
	rightsEvery = 2 * time.Second
	// rightsWithin bounds one look.
	rightsWithin = 10 * time.Second
	// rightsOverlap is how much of what it has seen a look reads again: the log's database may
	// be exchanged for one whose clock is behind.
	rightsOverlap = time.Minute
	// mostSubjectKeys bounds the keys that a process has seen of subjects: the master key, which
	// they are derived from, may be rotated while it runs.
	mostSubjectKeys = 4
)

// errForeign says what follows from a key that is missing.
var errForeign = errors.New("tokens of subjects that identify persons and were issued before lose what was withdrawn from any of them; " +
	"give --cache-key-file or --master-key-file, as to jangbu token withdraw")

// Rights is what [Rights.Watch] needs.
type Rights struct {
	Log      events.Log
	Verifier *auth.Verifier
	MaxLife  time.Duration // of a token
	// Key returns the key that subjects are hashed with which identify persons; the zero value
	// is none. It is called again where there are subjects that no key so far tells.
	Key    func() (events.SubjectKey, error)
	Logger *slog.Logger
}

// Watch has tokens lose the rights that are withdrawn, from before it returns, and returns what
// goes on with that until stopped is closed. While the log cannot be read, what was withdrawn
// before stays withdrawn.
func (w Rights) Watch(ctx context.Context, stopped <-chan struct{}) (func() error, error) {
	r := &rights{
		Rights: w, since: time.Now().Add(-w.MaxLife - rightsOverlap),
		failing: outage.Log{
			Logger: w.Logger, Level: slog.LevelWarn,
			Began: "rights: what is withdrawn cannot be read, tokens lose what was withdrawn before only",
			Ended: "rights: what is withdrawn is read again",
		},
		foreign: outage.Log{
			Logger: w.Logger, Level: slog.LevelWarn,
			Began: "rights: subjects of withdrawn rights are hashed with a key that this process does not have",
			Ended: "rights: every subject of a withdrawn right can be told",
		},
	}
	if err := r.renew(); err != nil {
		return nil, fmt.Errorf("key of subjects: %w", err)
	}
	if err := r.look(ctx); err != nil {
		return nil, err
	}
	return func() error {
		tick := time.NewTicker(rightsEvery)
		defer tick.Stop()
		for {
			select {
			case <-stopped:
				return nil
			case <-tick.C:
			}
			if err := r.look(context.Background()); err != nil {
				r.failing.Failed(context.Background(), err)
			} else {
				r.failing.Succeeded(context.Background())
			}
		}
	}, nil
}

// rights is a watch. It belongs to one goroutine.
type rights struct {
	Rights
	keys  []events.SubjectKey // that Key returned, the newest last
	since time.Time           // before it, all has been seen

	failing, foreign outage.Log
}

// look reads what was withdrawn since the last look.
func (r *rights) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rightsWithin)
	defer cancel()
	found, err := r.Log.Rights().Withdrawn(ctx, r.since)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		r.since = latest(r.since, found[len(found)-1].At.Add(-rightsOverlap))
	}
	foreign := r.Verifier.Withdraw(found, r.keys...)
	if foreign {
		if err := r.renew(); err != nil {
			r.foreign.Failed(ctx, errors.Join(errForeign, err))
			return nil
		}
		foreign = r.Verifier.Withdraw(nil, r.keys...)
	}
	if foreign {
		r.foreign.Failed(ctx, errForeign)
	} else {
		r.foreign.Succeeded(ctx)
	}
	return nil
}

// renew adds the key as it is now, if there is one.
func (r *rights) renew() error {
	key, err := r.Key()
	if err != nil || key == (events.SubjectKey{}) || slices.Contains(r.keys, key) {
		return err
	}
	keys := append(slices.Clone(r.keys), key) // the verifier has the former ones
	r.keys = keys[max(0, len(keys)-mostSubjectKeys):]
	return nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
