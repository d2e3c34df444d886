package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/txtar"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/synthetic"
)

// earlierRelease is a release whose stored forms are kept in testdata/earlier. For each
// kind of store there is an archive of what the release stored, and a text that holds,
// for each address of the API and each command line, what the release then printed.
const earlierRelease = "efd8801"

// writeEarlier makes the fixture, in this way:
//
//	git worktree add /tmp/earlier efd8801
//	(cd /tmp/earlier && go build ./cmd/jangbu)
//	eval "$(scripts/services start)"
//	unshare --uts sh -c 'hostname shop-1 && go test ./cmd/jangbu \
//	  -run TestOpensWhatEarlierReleasesWrote -write-earlier /tmp/earlier/jangbu'
//
// It needs pg_dump. The host's name is part of what is stored.
var writeEarlier = flag.String("write-earlier", "", "write testdata/earlier anew, with this program of the earlier release")

// TestOpensWhatEarlierReleasesWrote opens what an earlier release has stored: every
// answer says what it said, beside what has been added and redefined since then, before and
// after all projections have been rebuilt, and the rows equal the fold. Rows that an earlier
// version of a projection made are made anew. A service reads the topics once more, because
// the release kept in its log no record of how far it had, and appends nothing of them.
func TestOpensWhatEarlierReleasesWrote(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"embedded", "postgres"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			files := filepath.Join("testdata", "earlier", earlierRelease, store)
			if *writeEarlier != "" {
				newEarlier(t, store, *writeEarlier).write(t, files)
			}
			e := newEarlier(t, store, unraced(t))
			e.unpack(t, files+".zip")
			want, err := txtar.ParseFile(files + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			compare := func(only func(question string) bool) {
				t.Helper()
				for _, f := range want.Files {
					if !only(f.Name) {
						continue
					}
					for _, lost := range lostSince(t, f.Data, e.ask(t, f.Name)) {
						t.Errorf("%s: %s", f.Name, lost)
					}
				}
			}
			// The rows that are there are not of this program's projections.
			stored := func(question string) bool {
				return !strings.HasPrefix(question, "/") && !strings.HasPrefix(question, "verify")
			}
			compare(stored)
			e.serve(t)
			waitFor(t, time.Minute, func() string {
				var read struct {
					Sources []struct {
						Topic string
						Lag   *int64
					}
				}
				_ = json.Unmarshal(e.command(t, "sources", "--json", "--kafka-brokers", e.broker), &read) // nothing, before any session
				topics := make(map[string]bool)
				for _, s := range read.Sources {
					if topics[s.Topic] = true; s.Lag == nil || *s.Lag > 0 {
						return fmt.Sprintf("%s is not read to its end", s.Topic)
					}
				}
				if len(topics) < len(events.Types()) {
					return fmt.Sprintf("%d topics are read", len(topics))
				}
				return ""
			})
			waitFor(t, time.Minute, func() string {
				list := e.command(t, "projections", "list", "--json")
				if bytes.Count(list, []byte(`"version":2,"generation":3,"state":"active","position":164,"lag":0`)) < 3 {
					return "the rows of earlier versions are served: " + string(list)
				}
				return ""
			})
			compare(func(question string) bool { return strings.HasPrefix(question, "/") })
			e.command(t, "projections", "rebuild", "--all")
			if list := e.command(t, "projections", "list", "--json"); bytes.Count(list, []byte(`"generation":4,"state":"active"`)) < 3 {
				t.Errorf("after a rebuild: %s", list)
			}
			compare(func(question string) bool { return !strings.HasPrefix(question, "projections ") })
			// A sealed record is opened and appended under the keys that the release stored.
			out := e.command(t, "deadletters", "retry", "--why", "a test", "--all", "--json", "--topic-participant-registered=event-created", "--topic-event-created=other")
			if !bytes.Contains(out, []byte(`"appended":1,`)) {
				t.Errorf("the dead letter of another topic is not appended: %s", out)
			}
			if out := e.command(t, "verify"); !bytes.Contains(out, []byte("rows equal the fold")) {
				t.Errorf("after an append: %s", out)
			}
		})
	}
}

// lostSince returns what an answer in JSON or CSV said then and does not say now. Members and
// rows may have been added.
func lostSince(t *testing.T, then, now []byte) []string {
	t.Helper()
	if bytes.Equal(then, now) {
		return nil
	}
	if then[0] == '{' {
		var before, after any
		if err := errors.Join(json.Unmarshal(then, &before), json.Unmarshal(now, &after)); err != nil {
			return []string{fmt.Sprintf("%v in %s", err, now)}
		}
		return lost("", before, after)
	}
	before, err := csv.NewReader(bytes.NewReader(then)).ReadAll()
	if err != nil {
		return []string{fmt.Sprintf("was %s\nis %s", then, now)}
	}
	after, err := csv.NewReader(bytes.NewReader(now)).ReadAll()
	if err != nil || len(before) != len(after) {
		return []string{fmt.Sprintf("was %s\nis %s, %v", then, now, err)}
	}
	renamed := map[string]string{ // as the API names them
		"campaign": "eventId", "participants": "totalParticipants", "exposure": "totalExposure", "ROI %": "roiPercent", "growth %": "salesGrowthPercent",
	}
	var all []string
	for i := range before {
		for j := range before[i] {
			was, is := before[i][j], after[i][j]
			if i == 0 {
				was = cmp.Or(renamed[was], was)
			}
			if was != is && (was != "0" || is != "") {
				all = append(all, fmt.Sprintf("line %d, %s: was %s, is %s", i+1, before[0][j], was, is))
			}
		}
	}
	return all
}

// lost is [lostSince] for values at a path. What was redefined: an unknown number was 0 and is
// null, a return is null where an input of it is unknown, a conversion is there where a channel
// reports something else than exposure and has more digits where it is small, and figures that
// are not polled any more are final.
func lost(path string, then, now any) []string {
	var all []string
	switch was := then.(type) {
	case map[string]any:
		is, _ := now.(map[string]any)
		for name, value := range was {
			all = append(all, lost(path+"."+name, value, is[name])...)
		}
		return all
	case []any:
		is, _ := now.([]any)
		named := func(v any) any {
			members, _ := v.(map[string]any)
			return members["channel"]
		}
		for i, value := range was {
			if channel := named(value); channel != nil {
				i = slices.IndexFunc(is, func(v any) bool { return named(v) == channel })
			}
			if i < 0 || i >= len(is) {
				all = append(all, fmt.Sprintf("%s: was %v, is not there", path, value))
				continue
			}
			all = append(all, lost(path+"[]", value, is[i])...)
		}
		return all
	}
	redefined := then == float64(0) && now == nil || (then == nil || then == 0.01) && strings.HasSuffix(path, ".conversionPercent") ||
		now == nil && strings.HasSuffix(path, ".roiPercent") || now == "final" && strings.HasSuffix(path, ".status")
	if then != now && !redefined {
		all = append(all, fmt.Sprintf("%s: was %v, is %v", path, then, now))
	}
	return all
}

// earlier is a program, of this release or an earlier one, with its stores.
type earlier struct {
	program  string
	dir      string // holds the data directory and the dump of the database
	database string // empty: SQLite in the data directory
	api      string // address while it serves
	broker   string // address while it serves
}

func newEarlier(t *testing.T, store, program string) *earlier {
	t.Helper()
	e := &earlier{program: program, dir: t.TempDir()}
	if store == "postgres" {
		e.database = services.Database(t)
	}
	return e
}

func (e *earlier) start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), e.program, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "JANGBU_DATA_DIR="+filepath.Join(e.dir, "data"),
		"JANGBU_DATABASE_URL="+e.database, "JANGBU_MASTER_KEY_FILE="+filepath.Join(e.dir, "data", "master.key"))
	cmd.Stderr = t.Output()
	return cmd
}

func (e *earlier) command(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := e.start(t, args...).Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out
}

// ask returns what is served at an address, or what a command line prints.
func (e *earlier) ask(t *testing.T, question string) []byte {
	t.Helper()
	if !strings.HasPrefix(question, "/") {
		return e.command(t, strings.Fields(question)...)
	}
	if strings.HasSuffix(question, "/analytics") {
		question += "?interval=hour" // as was the default
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.api+question, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// serve starts the service, which runs until end is called or the test ends.
func (e *earlier) serve(t *testing.T) (end func()) {
	t.Helper()
	cmd := e.start(t, "serve", "--insecure-no-auth", "--json", "--log-level", "error",
		"--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	t.Cleanup(end)
	parts := map[string]string{}
	for lines := bufio.NewScanner(out); parts["admin"] == "" && lines.Scan(); {
		var line struct{ Part, At string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		parts[line.Part] = line.At
	}
	if e.api, e.broker = parts["api"], parts["broker"]; e.api == "" {
		t.Fatalf("the program did not start: %v", parts)
	}
	return end
}

// unpack restores the stores from an archive.
func (e *earlier) unpack(t *testing.T, file string) {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	if err := os.CopyFS(e.dir, archive); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{"data": 0o700, "data/master.key": 0o600} {
		if err := os.Chmod(filepath.Join(e.dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	if e.database == "" {
		return
	}
	dump, err := os.ReadFile(filepath.Join(e.dir, "database.sql"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), e.database)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.PgConn().Exec(t.Context(), string(dump)).ReadAll()
	if err := errors.Join(err, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// write runs the program and keeps what it stores and prints.
func (e *earlier) write(t *testing.T, files string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(e.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	// On PostgreSQL the service makes no key by itself.
	key := base64.StdEncoding.AppendEncode(nil, bytes.Repeat([]byte("jangbu! "), 4))
	if err := os.WriteFile(filepath.Join(e.dir, "data", "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	end := e.serve(t)
	campaigns := e.publish(t)
	e.command(t, "projections", "rebuild", "--all", "--why", "비용 정정")
	e.command(t, "projections", "reset", "--all", "--event", campaigns[1], "--why", "one campaign")
	e.command(t, "projections", "pause", "participation_hourly", "--why", "to compare")
	said := &txtar.Archive{Comment: []byte("What " + earlierRelease + " served and printed.\n")}
	keep := func(question string) {
		said.Files = append(said.Files, txtar.File{Name: question, Data: e.ask(t, question)})
	}
	for _, campaign := range campaigns {
		at := "/api/events/" + url.PathEscape(campaign) + "/analytics"
		keep(at)
	}
	keep("/api/events/evt-1-0001/analytics?interval=day&tz=UTC")
	keep("/api/stores/store-1-0001/events?sort=roiPercent&order=desc")
	keep("/api/stores/store-1-0002/events")
	end()
	for _, question := range []string{
		"verify --json", "projections list --json", "deadletters list --json", "deadletters list --limit 3 --json", "replay --out csv",
	} {
		keep(question)
	}
	if e.database != "" {
		dump, err := exec.CommandContext(t.Context(), "pg_dump", "--inserts", "--no-owner", "--no-privileges", e.database).Output()
		if err != nil {
			t.Fatal(err)
		}
		var sql bytes.Buffer
		for line := range bytes.Lines(dump) {
			if !bytes.HasPrefix(line, []byte(`\`)) { // psql's, not the server's
				sql.Write(line)
			}
		}
		if err := os.WriteFile(filepath.Join(e.dir, "database.sql"), sql.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	err := errors.Join(os.MkdirAll(filepath.Dir(files), 0o755), archive.AddFS(os.DirFS(e.dir)), archive.Close(),
		os.WriteFile(files+".zip", packed.Bytes(), 0o644), os.WriteFile(files+".txtar", txtar.Format(said), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// publish publishes some 170 records of all types, waits until they are folded, and
// returns four campaigns. The channels' figures date from March 2026, so they are stale
// at any later time.
func (e *earlier) publish(t *testing.T) (campaigns []string) {
	t.Helper()
	const registrations = 150
	start := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	g, err := synthetic.New(synthetic.Config{
		Seed: 1, Campaigns: 4, Start: start, Interval: 13 * time.Minute, DuplicateShare: 0.02, MalformedShare: 0.04,
		Topics: map[events.Type]string{
			events.TypeEventCreated: "event-created", events.TypeParticipantRegistered: "participant-registered",
			events.TypeDistributionCompleted: "distribution-completed", events.TypeChannelStatsFetched: "channel-stats-fetched",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	records := append(append(g.Campaigns(), g.Distributions()...), g.Stats(start.Add(2*time.Hour))...)
	for range registrations {
		records = append(records, g.Next())
	}
	head := int64(len(records)-registrations) + g.Expected().Participants
	for _, r := range []events.Record{
		// One channel reports nothing, the other some of its figures.
		{Topic: "event-created", Key: []byte("가게/1"), Value: []byte(`{"eventId":"가게/1","storeId":"store-1-0001","title":"개업 <이벤트>","objective":"신규 고객"}`)},
		{Topic: "distribution-completed", Key: []byte("가게/1"), Value: []byte(`{"eventId":"가게/1","distributedChannels":["kakao","wooridongnetv"],"completedAt":"2026-03-02T10:00:00+09:00"}`)},
		{Topic: "channel-stats-fetched", Key: []byte("가게/1"), Value: []byte(`{"eventId":"가게/1","channel":"wooridongnetv","fetchedAt":"2026-03-02T11:00:00+09:00","views":7}`)},
		// A campaign of which only a participant is known.
		{Topic: "participant-registered", Key: []byte("evt-?"), Value: []byte(`{"eventId":"evt-?","participantId":"p-1","phoneNumber":"010-1234-5678","newCustomer":true}`)},
	} {
		r.Timestamp = start
		records = append(records, r)
		head++
	}
	// A dead letter that would be an event in another topic.
	records = append(records, events.Record{
		Topic: "event-created", Key: []byte("evt-?"), Timestamp: start,
		Value: []byte(`{"eventId":"evt-?","participantId":"p-2","phoneNumber":"010-1234-5679"}`),
	})
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{e.broker}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	err = producer.Produce(t.Context(), records)
	if err := errors.Join(err, producer.Close()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, func() string {
		var list struct {
			Head        int64
			Projections []struct{ Lag int64 }
		}
		out := e.ask(t, "projections list --json")
		if err := json.Unmarshal(out, &list); err != nil || list.Head != head {
			return fmt.Sprintf("%d events are expected, %s", head, out)
		}
		for _, p := range list.Projections {
			if p.Lag > 0 {
				return string(out)
			}
		}
		return ""
	})
	return []string{"evt-1-0001", "evt-1-0002", "가게/1", "evt-?"}
}
