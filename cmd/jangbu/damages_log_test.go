package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/privacy"
)

// logDamages are those of the log.
func logDamages() []damage {
	return []damage{
		{
			name: "a number of a payload edited", named: verify, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.events SET payload = replace(payload, '"prizeCost":100000', '"prizeCost":900000') WHERE campaign = 'evt-1' AND type = 1`,
			says: []string{`the log is not as it was written, first at position `, `its digest is not that of the stored event`},
		},
		{
			name: "a text of a payload edited", named: verifyLog, mend: importsLog(),
			sql:  `UPDATE jangbu_log.events SET payload = replace(payload, '서울', '부산') WHERE campaign = 'evt-2' AND type = 2`,
			says: []string{`its digest is not that of the stored event`},
		},
		{
			name: "payload and digest edited, so that the chain alone shows it", named: verify, mend: restoresLog(), do: forge,
			says: []string{`its link is not that of the events since the link before`},
		},
		{
			name: "two payloads exchanged", named: verifyLog, mend: restoresLog(),
			sql: `UPDATE jangbu_log.events SET payload = CASE position WHEN 7 THEN (SELECT payload FROM jangbu_log.events WHERE position = 8) ELSE (SELECT payload FROM jangbu_log.events WHERE position = 7) END
				WHERE position IN (7, 8)`,
			says: []string{`first at position 7`},
		},
		{
			name: "an event of the middle deleted", named: verify, mend: restoresLog(),
			sql:  `DELETE FROM jangbu_log.events WHERE position = 33`,
			says: []string{`first at position 33`},
		},
		{
			name: "the last event deleted", named: refused, mend: restoresLog(),
			sql:  `DELETE FROM jangbu_log.events WHERE position = 62`,
			says: []string{`the head is at 62, the last event at 61`},
		},
		{
			name: "an event given another type", named: verify, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.events SET type = 3 WHERE position = 12`,
			says: []string{`first at position 12`},
		},
		{
			name: "an event given to another campaign", named: verify, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.events SET campaign = 'evt-4', id = (SELECT id FROM jangbu_log.events WHERE position = 62) WHERE position = 40`,
			says: []string{`first at position 40`},
		},
		{
			name: "an identity changed", named: verify, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.events SET id = (SELECT id FROM jangbu_log.events WHERE campaign <> 'evt-1' AND type = 1 LIMIT 1) WHERE campaign = 'evt-1' AND position = (SELECT min(position) FROM jangbu_log.events WHERE campaign = 'evt-1' AND type = 2)`,
			says: []string{`first at position `},
		},
		{
			name: "an event recorded earlier than those before it", named: verify, mend: restoresLog(),
			sql:    `UPDATE jangbu_log.events SET recorded_at = recorded_at - interval '1 day' WHERE position = 50`,
			sqlite: `UPDATE jangbu_log.events SET recorded_at = recorded_at - 86400000000 WHERE position = 50`,
			says:   []string{`first at position 50`},
		},
		{
			name: "an event given another time than its own", named: verify, mend: restoresLog(),
			sql:    `UPDATE jangbu_log.events SET occurred_at = occurred_at + interval '3 hours' WHERE type = 2 AND campaign = 'evt-1'`,
			sqlite: `UPDATE jangbu_log.events SET occurred_at = occurred_at + 10800000000 WHERE type = 2 AND campaign = 'evt-1'`,
			says:   []string{`the log is not as it was written`},
		},
		{
			name: "the head's link deleted", named: verify, mend: restoresLog(),
			sql:  `DELETE FROM jangbu_log.links WHERE position = 62`,
			says: []string{`the head has no link`},
		},
		{
			name: "a link edited", named: verifyLog, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.links SET link = (SELECT link FROM jangbu_log.links ORDER BY position LIMIT 1) WHERE position = (SELECT max(position) FROM jangbu_log.links WHERE position < 61)`,
			says: []string{`its link is not that of the events since the link before`},
		},
		{
			name: "a link where no event is", named: verifyLog, mend: restoresLog(),
			sql:  `INSERT INTO jangbu_log.links (position, link) SELECT 70, link FROM jangbu_log.links WHERE position = 62`,
			says: []string{`a link is stored there, where no event is`},
		},
		{
			name: "the head moved back", named: refused, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.log_head SET position = position - 2, received = received - 2`,
			says: []string{`the head is at 60, the last event at 62`},
		},
		{
			name: "the head moved back, seen by verify", named: verifyLog, mend: restoresLog(),
			sql: `UPDATE jangbu_log.log_head SET position = position - 2, received = received - 2`,
		},
		{
			name: "the head moved on", named: refused, mend: restoresLog(),
			sql:    `UPDATE jangbu_log.log_head SET position = position + 2, received = received + 2`,
			sqlite: `INSERT INTO jangbu_log.links (position, link) SELECT 64, link FROM jangbu_log.links WHERE position = 62; UPDATE jangbu_log.log_head SET position = position + 2, received = received + 2`,
			says:   []string{`the head is at 64, the last event at 62`},
		},
		{
			name: "the head deleted", named: verify, mend: restoresLog(),
			sql:  `DELETE FROM jangbu_log.log_head`,
			says: []string{`log is corrupt`},
		},
		{
			name: "a number of the account changed", named: verify, mend: restoresLog(),
			sql:    `ALTER TABLE jangbu_log.log_head DROP CONSTRAINT log_head_account; UPDATE jangbu_log.log_head SET duplicates = duplicates + 7`,
			sqlite: `UPDATE jangbu_log.log_head SET duplicates = duplicates + 7`,
			says:   []string{`received 65, but head 62 + duplicates 7 + dead letters 3`},
		},
		{
			name: "the time of the head set to next year", named: verify, mend: restoresLog(),
			sql:    `UPDATE jangbu_log.log_head SET recorded_at = recorded_at + interval '1 year'`,
			sqlite: `UPDATE jangbu_log.log_head SET recorded_at = recorded_at + 31536000000000`,
			says:   []string{`first at position 62`},
		},
		{
			name: "a record of an erasure deleted", named: verifyLog, mend: restoresLog(),
			sql:  `DELETE FROM jangbu_log.erasures WHERE campaign = 'evt-3'`,
			says: []string{`it is erased, and no record says by whom`},
		},
		{
			name: "a withdrawal deleted by name", named: verify, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.events SET payload = replace(payload, '"positions":[', '"positions":[9') WHERE type = 5`,
			says: []string{`its digest is not that of the stored event`},
		},
		{
			name: "a dead letter deleted", named: verify, mend: restoresLog(),
			sql:  `DELETE FROM jangbu_log.dead_letters WHERE reason = 'other-shop'`,
			says: []string{`the account has 3 dead letters, 0 of them discarded; the log has 2`},
		},
		{
			name: "an import that was never begun", named: refused, mend: restoresLog(),
			sql:  `UPDATE jangbu_log.log_head SET restoring = 100`,
			says: []string{`the import of the log is unfinished: it has 62 of 100 events`},
		},
		{
			name: "the file of the log cut short", only: "sqlite", named: refused, mend: mend{"restore the file from a backup", func(p *patient) { p.restore("log") }},
			do: func(p *patient) { p.truncate("log.db") }, says: []string{`open log `, `log.db`},
		},
		{
			name: "the file of the rows cut short", only: "sqlite", named: refused, mend: removesRows("remove the file, which serve makes anew"),
			do: func(p *patient) { p.truncate("rows.db") }, says: []string{`open rows `, `rows.db`},
		},
		{
			name: "the file of the rows overwritten", only: "sqlite", mend: removesRows("remove the file, which serve makes anew"),
			named: func(p *patient) string { return complaintOf(p, cli.ExitFailed, "verify") },
			do:    func(p *patient) { p.write("rows.db", strings.Repeat("no database ", 1000), 0o600) }, says: []string{`file is not a database`},
		},
		{
			name: "the file of the keys overwritten", only: "sqlite", named: refused, mend: mend{"restore the file from a backup", func(p *patient) { p.restore("keys") }},
			do: func(p *patient) { p.write("keys.db", strings.Repeat("no database ", 1000), 0o600) }, says: []string{`open keys `},
		},
	}
}

// removesRows removes the rows, and has a service make them anew.
func removesRows(words string) mend {
	return mend{words, func(p *patient) {
		p.drop("rows")
		s := p.serve()
		defer s.end()
		waitFor(p.T, 20*time.Second, func() string { return p.differs(s) })
	}}
}

// forge edits an event, and makes a digest of what it then is.
func forge(p *patient) {
	p.Helper()
	var payload string
	p.query(`SELECT payload FROM jangbu_log.events WHERE campaign = 'evt-1' AND type = 1`, &payload)
	payload = strings.Replace(payload, `"prizeCost":100000`, `"prizeCost":1`, 1)
	e, err := events.DecodeStored(events.CurrentForm, events.TypeEventCreated, []byte(payload))
	if err != nil {
		p.Fatal(err)
	}
	digest := events.DigestOf(e)
	literal := fmt.Sprintf(`X'%x'`, digest[:])
	if !p.onSQLite() {
		literal = fmt.Sprintf(`'\x%x'`, digest[:])
	}
	p.sql(`UPDATE jangbu_log.events SET payload = '` + payload + `', digest = ` + literal + ` WHERE campaign = 'evt-1' AND type = 1`)
}

// keyDamages are those of the keys.
func keyDamages() []damage {
	master := mend{"", func(p *patient) {
		p.write("master.key", string(p.read(p.T, "master.key")), 0o600)
	}}
	return []damage{
		{
			name: "another master key in the place of it", named: refused, says: []string{"wrong master key", "start with that one"}, mend: master,
			do: func(p *patient) {
				if err := os.Remove(p.file("master.key")); err != nil {
					p.Fatal(err)
				}
				if _, err := privacy.CreateMasterKey(p.file("master.key")); err != nil {
					p.Fatal(err)
				}
			},
		},
		{
			name: "the master key cut short", named: refused, says: []string{"expected the base64 of 32"}, mend: master,
			do: func(p *patient) { p.write("master.key", "c2hvcnQ=\n", 0o600) },
		},
		{
			name: "the master key readable by all", named: refused, says: []string{"has mode 0644"},
			do: func(p *patient) { p.write("master.key", string(p.read(p.T, "master.key")), 0o644) },
			mend: mend{"chmod 600 ", func(p *patient) {
				if err := os.Chmod(p.file("master.key"), 0o600); err != nil {
					p.Fatal(err)
				}
			}},
		},
		{
			name: "the master key gone", only: "sqlite", named: refused, says: []string{"master.key is gone"},
			do: func(p *patient) {
				if err := os.Remove(p.file("master.key")); err != nil {
					p.Fatal(err)
				}
			},
			mend: mend{"put the key back", master.do},
		},
		{
			name: "all keys deleted", named: refused, says: []string{"the key store is empty, but the log holds pseudonyms"},
			sql:  `DELETE FROM jangbu_keys.campaign_keys`,
			mend: mend{"restore the key store", func(p *patient) { p.restore("keys") }},
		},
		{
			name: "the reserved entry damaged", named: refused,
			sql:  `UPDATE jangbu_keys.campaign_keys SET wrapped = substr(wrapped, 1, 20) WHERE campaign = ''`,
			mend: mend{"restore the key store", func(p *patient) { p.restore("keys") }},
		},
		{
			name: "a campaign's key deleted", named: verify, says: []string{"evt-1"}, mend: mend{"restore the key store", func(p *patient) { p.restore("keys") }},
			sql: `DELETE FROM jangbu_keys.campaign_keys WHERE campaign = 'evt-1'`,
		},
		{
			name: "a campaign's key deleted, and begun anew an hour later", named: verify, mend: mend{"restore the key store", func(p *patient) { p.restore("keys") }},
			sql:    `UPDATE jangbu_keys.campaign_keys SET added_at = added_at + interval '1 hour' WHERE campaign = 'evt-1'`,
			sqlite: `UPDATE jangbu_keys.campaign_keys SET added_at = added_at + 3600000000 WHERE campaign = 'evt-1'`,
			says:   []string{`campaign "evt-1": keys: served a key of `, `folded pseudonyms of `},
		},
		{
			name: "a campaign's key emptied by hand", named: verify, says: []string{"evt-2"}, mend: mend{"restore the key store", func(p *patient) { p.restore("keys") }},
			sql:    `UPDATE jangbu_keys.campaign_keys SET wrapped = '', destroyed_at = added_at WHERE campaign = 'evt-2'`,
			sqlite: `UPDATE jangbu_keys.campaign_keys SET wrapped = x'', destroyed_at = added_at WHERE campaign = 'evt-2'`,
		},
		{
			name: "a destroyed key put back", named: verify, says: []string{"evt-4"}, mend: mend{"restore the key store", func(p *patient) { p.restore("keys") }},
			sql: `UPDATE jangbu_keys.campaign_keys SET wrapped = (SELECT k.wrapped FROM jangbu_keys.campaign_keys AS k WHERE k.campaign = 'evt-1'), destroyed_at = NULL WHERE campaign = 'evt-4'`,
		},
		{
			name: "a campaign's key damaged", named: letterOf("evt-1"), says: []string{"key"},
			sql:    `UPDATE jangbu_keys.campaign_keys SET wrapped = decode(repeat('ab', 60), 'hex') WHERE campaign = 'evt-1'`,
			sqlite: `UPDATE jangbu_keys.campaign_keys SET wrapped = CAST('abababababababababababababababab' AS BLOB) WHERE campaign = 'evt-1'`,
			mend:   mend{"restore", restoreKeyOf("evt-1")},
		},
		{
			name: "two campaigns' keys exchanged", named: letterOf("evt-1"), says: []string{"key"},
			sql: `UPDATE jangbu_keys.campaign_keys SET wrapped = CASE campaign WHEN 'evt-1' THEN (SELECT wrapped FROM jangbu_keys.campaign_keys WHERE campaign = 'evt-2')
				ELSE (SELECT wrapped FROM jangbu_keys.campaign_keys WHERE campaign = 'evt-1') END WHERE campaign IN ('evt-1', 'evt-2')`,
			mend: mend{"restore", restoreKeyOf("evt-1", "evt-2")},
		},
	}
}

// leaseDamages are those of the leases.
func leaseDamages() []damage {
	breaks := mend{"jangbu leases break projections", func(p *patient) {
		p.run("leases", "break", "projections", "--why", "it is held for a year")
	}}
	return []damage{
		{
			name: "a lease held for a year", named: unready, mend: breaks,
			sql: `DELETE FROM jangbu_rows.leases WHERE name = 'projections';
				INSERT INTO jangbu_rows.leases (name, owner, epoch, expires_at) VALUES ('projections', 'db-2/1/1', 9, now() + interval '1 year')`,
			sqlite: `DELETE FROM jangbu_rows.leases WHERE name = 'projections';
				INSERT INTO jangbu_rows.leases (name, owner, epoch, expires_at) VALUES ('projections', 'db-2/1/1', 9, unixepoch() * 1000000 + 31536000000000)`,
			says: []string{"lease projections of db-2/1/1 lasts another "},
		},
		{
			name: "a lease held for a year, asked of the leases", mend: breaks,
			named:  func(p *patient) string { return complaintOf(p, 4, "leases", "list") },
			sql:    `UPDATE jangbu_rows.leases SET owner = 'db-2/1/1', expires_at = now() + interval '1 year' WHERE name = 'projections'`,
			sqlite: `UPDATE jangbu_rows.leases SET owner = 'db-2/1/1', expires_at = unixepoch() * 1000000 + 31536000000000 WHERE name = 'projections'`,
			says:   []string{"lease projections lasts longer than any process asks for"},
		},
		{
			name: "the leases deleted under a service", named: fenced(`DELETE FROM jangbu_rows.leases`), mend: heals(),
			says: []string{"fenced, acquiring the lease anew"},
		},
		{
			name: "the epoch raised under a service", named: fenced(`UPDATE jangbu_rows.leases SET epoch = epoch + 10`), mend: heals(),
			says: []string{"fenced, acquiring the lease anew"},
		},
		{
			name: "the epoch lowered under a service", named: fenced(`UPDATE jangbu_rows.leases SET epoch = 1`), mend: heals(),
			says: []string{"fenced, acquiring the lease anew"},
		},
		{
			name: "the lease given to another under a service", named: fenced(`UPDATE jangbu_rows.leases SET owner = 'another/1/1'`), mend: heals(),
			says: []string{"fenced, acquiring the lease anew"},
		},
	}
}

// fenced changes leases under a service, and returns what it then says; it goes on by itself.
func fenced(statement string) func(*patient) string {
	return func(p *patient) string {
		p.Helper()
		s := p.serve()
		defer s.end()
		leads := func() string {
			if s.metric(p.T, "jangbu_projections_leading") != 1 {
				return "it does not lead: " + s.log.String()
			}
			return ""
		}
		waitFor(p.T, 10*time.Second, leads)
		p.sql(statement)
		waitFor(p.T, 20*time.Second, func() string {
			if !strings.Contains(s.log.String(), "fenced") {
				return "it was not fenced: " + s.log.String()
			}
			return leads()
		})
		if differs := p.differs(s); differs != "" {
			p.Error(differs)
		}
		return s.log.String()
	}
}
