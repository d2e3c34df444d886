package service

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"jangbu/events"
	"jangbu/events/archive"
)

// The marks are in every number and address of the corpus, and in nothing else that a test
// writes: what is found is one of the corpus.
const (
	markPhone    = "0107419"
	markResident = "90010117419"
	markCard     = "41117419"
	markMail     = "kim7419@naver"
)

// personal returns the i-th number or address of each kind, with separators.
func personal(i int) []string {
	card := fmt.Sprintf("41117419%07d", i%1e7)
	sum := 0
	for at, c := range card {
		n := int(c - '0')
		if at%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	card += strconv.Itoa((10 - sum%10) % 10)
	return []string{
		fmt.Sprintf("010-7419-%04d", i%1e4),
		fmt.Sprintf("900101-17419%02d", i%100),
		card[:4] + "-" + card[4:8] + "-" + card[8:12] + "-" + card[12:],
		"kim7419@naver.com",
	}
}

// spelled returns the number or address in the ways in which the corpus spells it.
func spelled(s string) []string {
	digits := func(zero rune) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return zero + r - '0'
			}
			return r
		}, s)
	}
	percent := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		return b.String()
	}
	bare := strings.ReplaceAll(s, "-", "")
	with := func(separator string) string { return strings.ReplaceAll(s, "-", separator) }
	all := []string{
		s, bare, with(" "), with("."), with("/"), with("_"), with("–"), with("ㅡ"), with("\u00a0"), with(" - "),
		digits('０'), digits('٠'), digits('०'), digits('𝟘'), percent(s), strings.ReplaceAll(percent(s), "%", "%25"), with("%2D"), with("%252D"),
		"tel:" + s, "mailto:" + bare, "p-" + bare, "추천인 " + s, "2026-11-29 " + s, "(" + s + ")",
		strings.Join(strings.Split(s, ""), "\u200b"), strings.Join(strings.Split(bare, ""), "\ufeff"),
	}
	if strings.HasPrefix(bare, "010") {
		all = append(all, "+82"+bare[1:], "+82-10"+s[3:], "tel:+82-10"+s[3:]+";ext=1", "82"+bare[1:], strings.Join(strings.Split(bare, ""), " "))
	}
	return all
}

// corpus is records that hold a number or an address of a person in one place each.
type corpus struct {
	records  []events.Record
	appended int64            // of the records
	refused  map[string]int64 // the others by field
}

func (c *corpus) add(topic, field, value string, headers ...events.Header) {
	r := record(topic, "k", value)
	r.Headers = headers
	c.records = append(c.records, r)
	if field == "" {
		c.appended++
	} else {
		c.refused[field]++
	}
}

// wantRefused holds that what was refused names the field that it is refused for.
func (c *corpus) wantRefused(t *testing.T, log events.Log) {
	t.Helper()
	got := map[string]int64{}
	q := events.DeadLetterQuery{Reason: events.ReasonMalformed, Limit: 1_000}
	for {
		page, err := log.DeadLetters().List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page {
			if field, problem, _ := strings.Cut(page[i].Detail, ": "); strings.HasPrefix(problem, "is or holds ") || strings.HasPrefix(problem, "holds ") {
				got[field]++
			}
		}
		if len(page) == 0 {
			break
		}
		q.After = &page[len(page)-1]
	}
	got["participantId"] -= 50 // of the numbers beside the corpus
	if diff := cmp.Diff(c.refused, got); diff != "" {
		t.Errorf("refused by field (-want +got):\n%s", diff)
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// newCorpus returns a corpus of at least so many registrations and a hundredth as many
// campaigns; each place has every kind in every spelling at least once.
func newCorpus(cfg *Config, least int) *corpus {
	c := &corpus{refused: map[string]int64{}}
	const registration, campaign = `"phoneNumber":"010-7419-0000","registeredAt":"2026-11-20T10:00:00+09:00"`, `"objective":"o","storeId":"s"`
	for i := 0; len(c.records) < least; {
		for _, p := range personal(i) {
			for _, s := range spelled(p) {
				i++
				q := quote(s)
				own := fmt.Sprintf(`"participantId":"r-%d-7","eventId":"evt-p",`, i)
				registered := func(field, value string, headers ...events.Header) {
					c.add(cfg.TopicParticipantRegistered, field, "{"+value+registration+"}", headers...)
				}
				registered("participantId", `"eventId":"evt-p","participantId":`+q+",")
				registered("eventId", `"participantId":"p","eventId":`+q+",")
				switch i % 6 {
				case 0:
					registered("", own+`"channel":`+q+",")
				case 1:
					registered("", own+`"region":`+q+",")
				case 2:
					registered("", own+`"gender":`+q+",")
				case 3:
					registered("", own+`"ageGroup":`+q+",")
				case 4:
					registered("", own+`"contact":`+q+`,"more":{"rrn":[`+q+`]},`)
				case 5:
					registered("", own, events.Header{Key: "ce_id", Value: []byte(s)}, events.Header{Key: "x", Value: []byte(s)})
				}
				if i > 130 && i%100 != 0 {
					continue
				}
				created := func(field, value string, headers ...events.Header) {
					c.add(cfg.TopicEventCreated, field, "{"+value+"}", headers...)
				}
				created("eventId", `"title":"t",`+campaign+`,"eventId":`+q)
				created("storeId", `"title":"t","objective":"o","eventId":"e-1","storeId":`+q)
				created("title", campaign+`,"eventId":"e-1","title":`+q)
				created("objective", `"title":"t","storeId":"s","eventId":"e-1","objective":`+q)
				created("ce_id", `"title":"t","eventId":"e-1",`+campaign, events.Header{Key: "ce_id", Value: []byte(s)})
				created("", fmt.Sprintf(`"title":"t","eventId":"e-%d-7",`, i)+campaign+`,"ownerPhone":`+q+`,"goal":{"metric":"participants","target":5,"who":`+q+`}`)
				const completed = `"distributedChannels":[{"channel":"kakao","memo":"x"}],"completedAt":"2026-11-20T10:00:00+09:00"`
				c.add(cfg.TopicDistributionCompleted, "eventId", `{"eventId":`+q+`,`+completed+`}`)
				c.add(cfg.TopicDistributionCompleted, "", fmt.Sprintf(`{"eventId":"d-%d-7","by":`, i)+q+`,`+strings.Replace(completed, `"x"`, q, 1)+`}`)
				const fetched = `"channel":"kakao","fetchedAt":"2026-11-20T10:00:00+09:00","shares":1`
				c.add(cfg.TopicChannelStatsFetched, "eventId", `{"eventId":`+q+`,`+fetched+`}`)
				c.add(cfg.TopicChannelStatsFetched, "", fmt.Sprintf(`{"eventId":"f-%d-7","by":`, i)+q+`,`+fetched+`}`)
			}
		}
	}
	// What is legitimate: spellings of phone numbers, and ids of programs.
	plain := spelled("010-7419-9999")
	for i, s := range append(append(plain[:5:5], plain[6:14]...), "tel:+82-10-7419-9999;ext=1", "+82 (0)10 7419 9999", "\u202a010-7419-9999\u202c") {
		id := []string{"01890a5d-ac96-774b-bcce-b302099a8057", "20261129-000123", "17644092401234567", "ORD-0000012345"}[i%4]
		c.add(cfg.TopicParticipantRegistered, "", fmt.Sprintf(`{"participantId":"%s-%d-x","eventId":"evt-%s","phoneNumber":%s}`, id, i, id, quote(s)))
	}
	return c
}

// inPlain returns the content as all spellings have in common, without what separates digits.
func inPlain(content string) string {
	for range 3 {
		for _, high := range []string{"2", "3", "4", "6", "7", "E", "B", "8", "9", "C", "D", "A"} {
			if strings.Contains(content, "%"+high) {
				content = percentDecoded(content)
				break
			}
		}
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r < ' ' {
			return r // most of a binary file
		}
		for _, zero := range []rune{'０', '٠', '०', '𝟘'} {
			if r >= zero && r <= zero+9 {
				return '0' + r - zero
			}
		}
		switch r {
		case '-', ' ', '.', '/', '_', '–', 'ㅡ', '\u00a0', '(', ')', '\u200b', '\ufeff':
			return -1
		}
		return r
	}, content)
}

func percentDecoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// lookForCorpus reports what of the corpus is in the content, in any spelling, and as JSON
// escapes it or in hexadecimal digits.
func lookForCorpus(t *testing.T, where, content string) {
	t.Helper()
	plain := inPlain(content)
	for _, mark := range []string{markPhone, "82" + markPhone[1:], markResident, markCard, markMail, fmt.Sprintf("%x", "010-7419"), fmt.Sprintf("%x", markPhone), fmt.Sprintf("%x", markMail)} {
		if i := strings.Index(plain, mark); i >= 0 {
			t.Errorf("%s holds %q: …%q…", where, mark, plain[max(0, i-60):min(len(plain), i+60)])
		}
	}
}

// lookAround looks for the corpus in what the service tells and keeps beside its stores: its
// metrics, answers, stacks, traces and an export.
func (b *bundle) lookAround(t *testing.T, traced *spans) {
	t.Helper()
	metrics, err := http.Get(b.adminURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = metrics.Body.Close() }()
	measured, err := io.ReadAll(metrics.Body)
	if err != nil || len(measured) < 1000 {
		t.Fatalf("%d bytes of metrics: %v", len(measured), err)
	}
	lookForCorpus(t, "metrics", string(measured))
	for _, path := range []string{"/api/events/evt-p/analytics", "/api/events/evt-p/analytics/evidence", "/api/events/e-1-7/digest", "/api/stores/s/events"} {
		status, body := b.get(t, path)
		if status != 200 {
			t.Errorf("%s: status %d: %s", path, status, body)
		}
		lookForCorpus(t, path, string(body))
	}
	stacks := make([]byte, 8<<20)
	lookForCorpus(t, "stacks", string(stacks[:runtime.Stack(stacks, true)]))
	// Spans are sent every few seconds.
	for deadline := time.Now().Add(20 * time.Second); traced.find(func(s *tracepb.Span) bool { return s.Name == "append" }) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no append was traced")
		}
	}
	traced.find(func(span *tracepb.Span) bool {
		lookForCorpus(t, "traces", span.String())
		return false
	})
	path := filepath.Join(t.TempDir(), "export.jsonl")
	w, err := archive.Create(path, events.Link{})
	if err != nil {
		t.Fatal(err)
	}
	totals, err := b.Service.log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Export(t.Context(), b.Service.log, w, 1, totals.Head, func(events.Position) {}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	exported, err := os.ReadFile(archive.PartialPath(path))
	if err != nil || len(exported) < 1000 {
		t.Fatalf("%d bytes exported: %v", len(exported), err)
	}
	lookForCorpus(t, "export", string(exported))
}

// walAt is a place in the write-ahead log of PostgreSQL: a file, and an offset in it. The place
// between two files is named as the end of the first, the one behind it as in the second.
const walAt = `SELECT file_name, file_offset FROM pg_walfile_name_offset(pg_current_wal_lsn() + 1)`

// keepWAL returns the place where the write-ahead log is, and has the server keep what is written
// from there for as long as the connection is open: otherwise a checkpoint removes it.
func keepWAL(t *testing.T, conn *pgx.Conn) (since string, from int) {
	t.Helper()
	slot := fmt.Sprintf("jangbu_test_%d", conn.PgConn().PID())
	if _, err := conn.Exec(t.Context(), `SELECT pg_create_physical_replication_slot($1, true, true)`, slot); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), walAt).Scan(&since, &from); err != nil {
		t.Fatal(err)
	}
	return since, from
}

// lookInPostgres looks for the corpus in what was written to the write-ahead log since a place,
// and in the server's own log. What the files hold behind the end is of earlier ones.
func lookInPostgres(ctx context.Context, t *testing.T, conn *pgx.Conn, since string, from int) {
	t.Helper()
	var end string
	var to int
	if err := conn.QueryRow(ctx, walAt).Scan(&end, &to); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, `SELECT name FROM pg_ls_waldir() WHERE name BETWEEN $1 AND $2 AND length(name) = 24 ORDER BY name`, since, end)
	if err != nil {
		t.Fatal(err)
	}
	files, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(files) == 0 || files[0] != since {
		t.Fatalf("write-ahead log since %s: %v: %v", since, files, err)
	}
	for _, file := range files {
		var content []byte
		if err := conn.QueryRow(ctx, `SELECT pg_read_binary_file('pg_wal/' || $1::text)`, file).Scan(&content); err != nil {
			t.Fatal(err)
		}
		if file == end {
			content = content[:to]
		}
		if file == since {
			content = content[from:]
		}
		lookForCorpus(t, file, string(content))
	}
	var data string
	if err := conn.QueryRow(ctx, `SHOW data_directory`).Scan(&data); err != nil {
		t.Fatal(err)
	}
	if said, err := os.ReadFile(filepath.Join(filepath.Dir(data), "server.log")); err == nil { // of scripts/services
		lookForCorpus(t, "PostgreSQL's own log", string(said))
	}
}
