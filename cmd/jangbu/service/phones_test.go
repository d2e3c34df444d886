package service

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/events/synthetic"
)

// TestNoPhoneNumberAtRest sends registrations, duplicates, conflicts and malformed records, and a
// corpus of records with numbers and addresses of persons in every field, in members that no
// contract has and in headers, and has rights withdrawn from subjects that are such. It looks for all that was sent, in every spelling, in all that the
// service has written or tells, the broker's own files aside (I10). What is refused names its
// field, and nothing that is legitimate is.
//
// JANGBU_TEST_PII=N has the corpus be of N records, as 101000 for the long form.
func TestNoPhoneNumberAtRest(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		cfg, traced := testConfig(t.TempDir()), &spans{}
		cfg.AccessLog = filepath.Join(cfg.DataDir, "access.log")
		cfg.OTLPEndpoint = traced.serve(t)
		b := setup(t, cfg)
		numbers := sendNumbers(t, b)
		b.lookAround(t, traced)
		numbers.lookIn(t, "log output", b.log.String())
		broker := filepath.Join(cfg.DataDir, "broker")
		files := 0
		if err := filepath.WalkDir(cfg.DataDir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if path == broker {
				return fs.SkipDir
			}
			if d.IsDir() {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			numbers.lookIn(t, path, string(content))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if files < 4 { // log, rows, keys, master key
			t.Errorf("looked in only %d files", files)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL = services.Database(t)
		redis, traced := miniredis.RunT(t), &spans{}
		cfg.RedisURL, cfg.OTLPEndpoint = "redis://"+redis.Addr(), traced.serve(t)
		cfg.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
		if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), cfg.DatabaseURL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		since, from := keepWAL(t, conn)
		b := setup(t, cfg)
		numbers := sendNumbers(t, b)
		b.lookAround(t, traced)
		numbers.lookIn(t, "log output", b.log.String())
		numbers.lookIn(t, "Redis", redis.Dump())
		lookInPostgres(t.Context(), t, conn, since, from)
		// A number that is in bytes is then seen as text, and digits of hexadecimal are no number.
		if _, err := conn.Exec(t.Context(), `SET bytea_output = 'escape'`); err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'jangbu%'`)
		if err != nil {
			t.Fatal(err)
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(tables) < 8 {
			t.Fatalf("tables %v: %v", tables, err)
		}
		for _, table := range tables {
			rows, err := conn.Query(t.Context(), `SELECT t::text FROM `+table+` t`)
			if err != nil {
				t.Fatal(err)
			}
			dump, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			numbers.lookIn(t, table, strings.Join(dump, "\n"))
		}
	})
}

// numbers are phone numbers by their digits: national with the trunk zero, and
// behind the country code.
type numbers map[string]bool

// sendNumbers sends the records and waits until all are dealt with.
func sendNumbers(t *testing.T, b *bundle) numbers {
	t.Helper()
	g, err := synthetic.New(synthetic.Config{
		Seed: 10, Campaigns: 20, Start: time.Now(), Topics: b.cfg.Topics(), DuplicateShare: 0.05, MalformedShare: 0.05,
	})
	if err != nil {
		t.Fatal(err)
	}
	sent := make(numbers)
	records := g.Campaigns()
	for range 2000 {
		records = append(records, g.Next())
	}
	for i := range 50 {
		// The same participant with another number and region; the number where it does
		// not belong; a member that no contract has.
		for _, value := range []string{
			`{"participantId":"c-%d","eventId":"evt-c","phoneNumber":"010-7000-%04d"}`,
			`{"participantId":"c-%d","eventId":"evt-c","phoneNumber":"+82 10 7001 %04d","region":"부산"}`,
			`{"participantId":"d-%[1]d-0107002%04[2]d","eventId":"evt-c","phoneNumber":"0107002%04[2]d"}`,
			`{"participantId":"e-%d","eventId":"evt-c","phoneNumber":"01070030000","contact":"0107004%04d"}`,
			`{"participantId":"f-%d","eventId":"evt-c","phoneNumber":"0107005%04d"`,
		} {
			records = append(records, record(b.cfg.TopicParticipantRegistered, "evt-c", fmt.Sprintf(value, i, i)))
		}
		for _, prefix := range []string{"0107000", "0107001", "0107002", "0107004", "0107005"} {
			sent.add(fmt.Sprintf("%s%04d", prefix, i))
		}
	}
	for _, r := range records {
		var body struct {
			PhoneNumber string `json:"phoneNumber"`
		}
		if json.Unmarshal(r.Value, &body) == nil {
			if e164, err := events.NormalizePhone(body.PhoneNumber); err == nil {
				sent.add("0" + strings.TrimPrefix(e164, "+82"))
			}
		}
	}
	least := 0
	if n := os.Getenv("JANGBU_TEST_PII"); n != "" {
		var err error
		if least, err = strconv.Atoi(n); err != nil {
			t.Fatalf("JANGBU_TEST_PII: %v", err)
		}
	}
	c := newCorpus(&b.cfg, max(least, 1))
	var refused int64
	for _, n := range c.refused {
		refused += n
	}
	b.produce(t, records...)
	b.produce(t, c.records...)
	b.withdrawFromPersons(t)
	// Of the five in each of the 50 rounds two are events and three dead letters.
	want := g.Expected()
	totals := b.settled(t, events.Totals{
		Head:         events.Position(int64(len(g.Campaigns())) + want.Participants + 2*50 + c.appended),
		Duplicates:   want.Duplicates,
		DeadLettered: want.DeadLetters + 3*50 + refused,
	}, 30*time.Second+time.Duration(least)*time.Millisecond)
	if len(sent) < 3000 || totals.DeadLettered < 200 || totals.Duplicates < 50 {
		t.Fatalf("%d numbers, %+v: the traffic is not what it should be", len(sent), totals)
	}
	letters, err := b.Service.log.DeadLetters().List(t.Context(), events.DeadLetterQuery{Reason: events.ReasonConflict, Limit: 100})
	if err != nil || len(letters) != 50 {
		t.Fatalf("%d conflicts of 50: %v", len(letters), err)
	}
	c.wantRefused(t, b.Service.log)
	return sent
}

// withdrawFromPersons withdraws rights from subjects of every kind, with the key that the service
// has, or that the command beside it has.
func (b *bundle) withdrawFromPersons(t *testing.T) {
	t.Helper()
	key, err := b.cfg.subjectKey()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range personal(7000) {
		for shop, name := range spelled(name) {
			subject, err := key.Subject(name)
			if err != nil {
				t.Fatal(err)
			}
			w := events.WithdrawnRight{Subject: subject, Shop: events.Shop(fmt.Sprintf("s-%d-%d", i, shop)), Who: "me@here", Why: "left the shop"}
			if _, err := b.Service.log.Rights().Withdraw(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (n numbers) add(national string) {
	n[national] = true
	n["82"+national[1:]] = true
}

// lookIn reports numbers in a text, however they are spelled.
func (n numbers) lookIn(t *testing.T, where, text string) {
	t.Helper()
	lookForCorpus(t, where, text)
	compact := strings.NewReplacer("-", "", " ", "", ".", "", "(", "", ")", "").Replace(text)
	for i := range len(compact) {
		for _, length := range []int{11, 12} { // 010… and 8210…
			if i+length <= len(compact) && (compact[i] == '0' || compact[i] == '8') && n[compact[i:i+length]] {
				t.Errorf("%s holds a number that was sent: …%q…", where, compact[max(0, i-30):min(len(compact), i+40)])
				return
			}
		}
	}
}
