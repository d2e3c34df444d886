package pglog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
)

// TestWritesWaitForTheDisk: whatever the defaults of the database are, what is acknowledged is on
// the disk, and is written at the isolation that the log needs (I1).
func TestWritesWaitForTheDisk(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), services.Database(t)
	conn := connect(t, url)
	name := pgx.Identifier{conn.Config().Database}.Sanitize()
	for _, careless := range []string{"synchronous_commit = off", "default_transaction_isolation = 'serializable'"} {
		if _, err := conn.Exec(ctx, fmt.Sprintf(`ALTER DATABASE %s SET %s`, name, careless)); err != nil {
			t.Fatal(err)
		}
	}
	log := open(t, url)
	keys, err := pglog.OpenKeys(ctx, url, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	written := []string{"jangbu_log.links", "jangbu_log.sources", "jangbu_log.dead_letters", "jangbu_log.erasures", "jangbu_log.withdrawn_rights", "jangbu_keys.campaign_keys"}
	statements := `
CREATE TABLE public.pinned (tab text, setting text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.pinned VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, current_setting('synchronous_commit') || ', ' || current_setting('transaction_isolation'));
    RETURN NULL;
END $$`
	for _, table := range written {
		statements += fmt.Sprintf(`; CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.note()`, table)
	}
	if _, err := conn.Exec(ctx, statements); err != nil { // on a session from before the defaults
		t.Fatal(err)
	}

	source := events.Source{Topic: "t", TopicID: events.TopicID{1}}
	letter := events.DeadLetter{ID: events.ID{1}, Topic: "t", Timestamp: time.Now(), Reason: events.ReasonMalformed, Sealed: []byte{1}}
	_, err = log.Append(ctx, drafts("c", 0, 3), events.Reading{Source: source, Next: 3, To: 3})
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	check("append", err)
	check("bury", log.DeadLetters().Bury(ctx, []events.DeadLetter{letter}, events.Reading{Source: source, First: 3, Next: 4}))
	_, err = log.DeadLetters().Revive(ctx, []events.Revival{{Letter: letter.ID, Draft: drafts("c", 3, 1)[0]}})
	check("revive", err)
	_, err = log.Erasures().Erase(ctx, events.Erasure{Campaign: "c", Who: "me", Why: "asked"})
	check("erase", err)
	_, err = log.Rights().Withdraw(ctx, events.WithdrawnRight{Shop: "s", Subject: events.NewSubjectKey([32]byte{1}).Hashed("owner"), Who: "me", Why: "left"})
	check("withdraw a right", err)
	check("skip", log.Sources().Skip(ctx, source, 9, 5))

	check("add a key", keys.AddKeys(ctx, nil, map[events.Campaign][]byte{"c": {1}}))
	check("destroy a key", keys.DestroyKey(ctx, "c"))

	rows, err := conn.Query(ctx, `SELECT tab, setting FROM public.pinned`)
	check("read", err)
	seen := make(map[string]bool)
	var table, setting string
	_, err = pgx.ForEachRow(rows, []any{&table, &setting}, func() error {
		if seen[table] = true; setting != "on, read committed" {
			t.Errorf("%s was written with %s", table, setting)
		}
		return nil
	})
	check("read", err)
	for _, table := range written {
		if !seen[table] {
			t.Errorf("%s was not written", table)
		}
	}
}
