package eventstest

import (
	"context"
	"testing"
	"time"

	"jangbu/events"
)

// testDamage damages stores by SQL. The log must report all damage rather than
// return fewer events or other totals.
func testDamage(t *testing.T, a Adapter) {
	exec := func(t *testing.T, s Store, statements ...string) {
		t.Helper()
		if err := s.Exec(t.Context(), statements...); err != nil {
			t.Fatalf("damage: %v", err)
		}
	}
	three := func(t *testing.T, s Store) events.Log {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 3)...)
		return log
	}

	rule(t, a, "a missing event is a gap, whatever the range", func(t *testing.T, s Store) {
		log := three(t, s)
		exec(t, s, `DELETE FROM events WHERE position = 2`)
		for _, limit := range []int{2, 3, 100} {
			_, err := log.Read(t.Context(), 0, limit)
			wantError(t, "Read over the hole", err, events.ErrGap)
		}
		_, err := log.Read(t.Context(), 1, 1)
		wantError(t, "Read of the hole", err, events.ErrGap)
		wantRecorded(t, mustRead(t, log, 2, 10), 3, registration("c", 3))
	})
	rule(t, a, "a missing end is a gap", func(t *testing.T, s Store) {
		log := three(t, s)
		exec(t, s, `DELETE FROM events WHERE position = 3`)
		for after := range events.Position(3) {
			_, err := log.Read(t.Context(), after, 10)
			wantError(t, "Read to the end", err, events.ErrGap)
		}
		_, err := log.Totals(t.Context())
		wantError(t, "Totals", err, events.ErrCorrupt)
	})
	rule(t, a, "an event that cannot be decoded is corrupt", func(t *testing.T, s Store) {
		for _, damage := range []string{`payload = '{"eventId"'`, `type = 9`, `type = 300`} {
			t.Run(damage, func(t *testing.T) {
				s := a.New(t)
				log := three(t, s)
				exec(t, s, `UPDATE events SET `+damage+` WHERE position = 2`)
				_, err := log.Read(t.Context(), 0, 10)
				wantError(t, "Read", err, events.ErrCorrupt)
				_, err = log.ReadStream(t.Context(), events.Stream{Campaign: "c", Limit: 10})
				wantError(t, "ReadStream", err, events.ErrCorrupt)
				wantRecorded(t, mustRead(t, log, 2, 10), 3, registration("c", 3))
			})
		}
	})
	rule(t, a, "an event that was edited is corrupt, however it is read", func(t *testing.T, s Store) {
		log := three(t, s)
		exec(t, s, `UPDATE events SET payload = (SELECT payload FROM events WHERE position = 1) WHERE position = 2`)
		_, err := log.Read(t.Context(), 0, 10)
		wantError(t, "Read", err, events.ErrCorrupt)
		_, err = log.ReadStream(t.Context(), events.Stream{Campaign: "c", Limit: 10})
		wantError(t, "ReadStream", err, events.ErrCorrupt)
		wantRecorded(t, mustRead(t, log, 2, 10), 3, registration("c", 3))
	})
	rule(t, a, "an event that is kept under another campaign is corrupt, however it is read", func(t *testing.T, s Store) {
		log := three(t, s)
		exec(t, s, `UPDATE events SET campaign = 'd' WHERE position = 2`)
		_, err := log.Read(t.Context(), 0, 10)
		wantError(t, "Read", err, events.ErrCorrupt)
		_, err = log.ReadStream(t.Context(), events.Stream{Campaign: "d", Limit: 10})
		wantError(t, "ReadStream", err, events.ErrCorrupt)
		wantRecorded(t, mustRead(t, log, 2, 10), 3, registration("c", 3))
	})
	rule(t, a, "without its head the log is corrupt", func(t *testing.T, s Store) {
		log := three(t, s)
		mustBury(t, log, letter(0, events.ReasonMalformed))
		exec(t, s, `DELETE FROM log_head`)
		_, err := log.Totals(t.Context())
		wantError(t, "Totals", err, events.ErrCorrupt)
		_, err = log.Read(t.Context(), 0, 10)
		wantError(t, "Read", err, events.ErrCorrupt)
		_, err = log.Wait(t.Context(), 0)
		wantError(t, "Wait", err, events.ErrCorrupt)
		_, err = log.Append(t.Context(), registrations("c", 4, 4))
		wantError(t, "Append", err, events.ErrCorrupt)
		wantError(t, "Restore", log.Restore(t.Context(), restored(4, time.Now(), registration("c", 4)), 0), events.ErrCorrupt)
		wantError(t, "Bury", log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter(1, events.ReasonMalformed)}), events.ErrCorrupt)
		_, err = log.DeadLetters().Revive(t.Context(), []events.Revival{{Letter: letter(0, "").ID, Draft: registration("c", 4)}})
		wantError(t, "Revive", err, events.ErrCorrupt)
		_, err = log.DeadLetters().Discard(t.Context(), []events.ID{letter(0, "").ID}, events.Discarded{})
		wantError(t, "Discard", err, events.ErrCorrupt)
	})
	rule(t, a, "a head that fell behind overwrites nothing", func(t *testing.T, s Store) {
		log := three(t, s)
		exec(t, s, `UPDATE log_head SET position = 1, received = 1`)
		_, err := log.Append(t.Context(), registrations("c", 4, 4))
		wantError(t, "Append", err, events.ErrCorrupt)
		again := restored(2, mustRead(t, log, 0, 1)[0].RecordedAt, registration("c", 5))
		wantError(t, "Restore", log.Restore(t.Context(), again, 0), events.ErrCorrupt)
		_, err = log.Totals(t.Context())
		wantError(t, "Totals", err, events.ErrCorrupt)
	})
	rule(t, a, "the database itself holds the account together", func(t *testing.T, s Store) {
		log := three(t, s)
		for _, statement := range []string{
			`UPDATE log_head SET received = received + 1`,
			`UPDATE log_head SET position = position + 1`,
			`UPDATE log_head SET duplicates = -1, received = received - 1`,
			`INSERT INTO log_head DEFAULT VALUES`,
			`UPDATE log_head SET discarded = 1`,
		} {
			if s.Exec(t.Context(), statement) == nil {
				t.Errorf("the database accepted %s", statement)
			}
		}
		wantTotals(t, log, events.Totals{Head: 3, Received: 3})
	})
	rule(t, a, "an account that does not add up is corrupt", func(t *testing.T, s Store) {
		log := three(t, s)
		exec(t, s, a.LiftAccount, `UPDATE log_head SET received = received + 1`)
		_, err := log.Totals(context.WithoutCancel(t.Context()))
		wantError(t, "Totals", err, events.ErrCorrupt)
	})
}
