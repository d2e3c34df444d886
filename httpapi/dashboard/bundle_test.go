package dashboard_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
)

// program is the program that JANGBU_TEST_PROGRAM names, which scripts/test has built, else one
// that is built once. It is without the race detector: it is the page that is tested here, and it
// is to be as fast as it is for its readers.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("JANGBU_TEST_PROGRAM"); path != "" {
		return path, nil
	}
	path := filepath.Join(scratch, "jangbu")
	out, err := exec.Command("go", "build", "-o", path, "jangbu/cmd/jangbu").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, err
})

// service is a running program: the API, and the broker that it reads.
type service struct {
	cmd      *exec.Cmd
	api      string // its address, http://…
	token    string // of the requests to it; empty: none
	broker   string
	channels string // where faults of a demo's channels are ordered
	open     string // what a demo says to open
	producer *kafka.Producer
}

// start runs a command of the program until the test ends, with what it says at its
// start.
func start(t testing.TB, args ...string) *service {
	t.Helper()
	services.Chromium(t) // without one there is nothing to start it for
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &service{cmd: exec.Command(path, append(args, "--json")...)}
	s.cmd.Dir = t.TempDir()
	s.cmd.Env = append(os.Environ(), "TMPDIR="+s.cmd.Dir) // a demo that is killed cannot clear up
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	s.cmd.Stderr = &stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.kill(); _ = stdout.Close() })
	lines := bufio.NewScanner(stdout)
	last := "admin" // the part that a service tells of last
	if args[0] == "demo" {
		last = "open"
	}
	for told := ""; told != last; {
		if !lines.Scan() {
			_ = s.cmd.Wait()
			t.Fatalf("%v: ended: %v\n%s", args, lines.Err(), &stderr)
		}
		var line struct{ Part, At, Open string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		switch told = line.Part; {
		case line.Open != "":
			s.open, told = line.Open, "open"
		case line.Part == "api":
			s.api = line.At
		case line.Part == "broker":
			s.broker = line.At
		case line.Part == "channels":
			s.channels = line.At
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }() // what it says later must not fill the pipe
	return s
}

// startServe runs a service on free ports, without the need of a token unless args say
// otherwise.
func startServe(t testing.TB, args ...string) *service {
	t.Helper()
	if len(args) == 0 {
		args = []string{"--insecure-no-auth"}
	}
	return start(t, append([]string{"serve", "--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0", "--log-level", "error"}, args...)...)
}

// kill ends the service as a power cut would.
func (s *service) kill() {
	if s.producer != nil {
		_ = s.producer.Close()
		s.producer = nil
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// produce publishes records, each a topic and what is in it.
func (s *service) produce(t testing.TB, records ...events.Record) {
	t.Helper()
	if s.producer == nil {
		var err error
		s.producer, err = kafka.NewProducer(kafka.Config{Brokers: []string{s.broker}, ClientID: "test", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// fact is what is in a record.
type fact map[string]any

func record(t testing.TB, topic string, f fact) events.Record {
	t.Helper()
	value, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return events.Record{Topic: topic, Key: []byte(f["eventId"].(string)), Value: value}
}

// created is a campaign with the seed's money.
func created(t testing.TB, id, shop, title string) events.Record {
	t.Helper()
	return startedAt(t, id, shop, title, -9)
}

// daysFromNow is a midnight in Korea.
func daysFromNow(days int) time.Time {
	now := time.Now().In(time.FixedZone("KST", 9*60*60))
	return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, now.Location())
}

// startedAt is the creation of a campaign that starts so many days from now, for thirty days.
func startedAt(t testing.TB, id, shop, title string, days int) events.Record {
	t.Helper()
	return lasting(t, id, shop, title, days, days+30)
}

// lasting is the creation of a campaign that starts and ends so many days from now.
func lasting(t testing.TB, id, shop, title string, from, to int) events.Record {
	t.Helper()
	return record(t, "event-created", fact{
		"eventId": id, "storeId": shop, "title": title, "objective": "신규 고객 유치", "startsAt": daysFromNow(from).Format(time.RFC3339), "endsAt": daysFromNow(to).Format(time.RFC3339),
		"prizeCost": 1_000_000, "platformCost": 200_000, "expectedSalesIncrease": 3_000_000, "baselineSales": 24_000_000, "newCustomerLtv": 50_000,
	})
}

// registered are n registrations, one each so often from a moment on.
func registered(t testing.TB, id string, first, n int, from time.Time, every time.Duration) []events.Record {
	t.Helper()
	records := make([]events.Record, n)
	for i := range records {
		f := fact{
			"eventId": id, "participantId": fmt.Sprintf("p-%d", first+i), "phoneNumber": fmt.Sprintf("010-1234-%04d", (first+i)%10_000),
			"registeredAt": from.Add(time.Duration(i) * every).Format(time.RFC3339), "newCustomer": i%2 == 0,
			"gender": []string{"female", "male"}[i%2], "ageGroup": fmt.Sprintf("%d0s", 1+i%6), "channel": []string{"kakao", "naver", "instagram"}[i%3],
		}
		if i%5 > 0 {
			f["region"] = []string{"서울", "경기", "부산", "대구", "인천", "광주", "대전", "울산", "세종", "제주"}[i%10]
		}
		records[i] = record(t, "participant-registered", f)
	}
	return records
}

// fill gives a shop 2,000 campaigns, one of which, evt-0007, has had a participant an hour
// for sixty days.
func (s *service) fill(t testing.TB) {
	t.Helper()
	const hours = 60*24 + 1
	first := time.Now().Truncate(time.Hour).Add(-(hours - 1) * time.Hour)
	records := registered(t, "evt-0007", 0, hours, first, time.Hour)
	for i := range 2_000 {
		records = append(records, lasting(t, fmt.Sprintf("evt-%04d", i), "store-1",
			fmt.Sprintf("%s 이벤트 %d", []string{"분식", "카페", "책방", "꽃집"}[i%4], i), -60, 30))
	}
	s.produce(t, records...)
	s.participants(t, "evt-0007", hours)
}

// distributed says that a campaign is on all channels, and what they report; 지니TV
// reported long ago and 카카오 never.
func distributed(t testing.TB, id string) []events.Record {
	t.Helper()
	ago := func(d time.Duration) string { return time.Now().Add(-d).Format(time.RFC3339) }
	return []events.Record{
		record(t, "distribution-completed", fact{
			"eventId": id, "completedAt": "2026-11-20T09:30:00+09:00",
			"distributedChannels": []any{"kakao", "instagram", fact{"channel": "wooridongnetv", "cost": 150_000}, fact{"channel": "genietv", "cost": 80_000}, "naver"},
		}),
		record(t, "channel-stats-fetched", fact{"eventId": id, "channel": "wooridongnetv", "fetchedAt": ago(12 * time.Second), "impressions": 123_456_789, "views": 1200}),
		record(t, "channel-stats-fetched", fact{"eventId": id, "channel": "genietv", "fetchedAt": ago(25 * time.Hour), "impressions": 10_000, "clicks": 500}),
		record(t, "channel-stats-fetched", fact{"eventId": id, "channel": "instagram", "fetchedAt": ago(12 * time.Second), "likes": 300, "comments": 50}),
		record(t, "channel-stats-fetched", fact{"eventId": id, "channel": "naver", "fetchedAt": ago(12 * time.Second), "views": 2000}),
	}
}

// until waits until the API answers a path as check wants it.
func (s *service) until(t testing.TB, path string, check func(status int, body map[string]any) bool) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		status, body, err := s.get(t, path)
		if err == nil && check(status, body) {
			return
		}
		last = fmt.Sprint(status, body, err)
	}
	t.Fatalf("%s: %.500s", path, last)
}

func (s *service) get(t testing.TB, path string) (status int, body map[string]any, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.api+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	err = json.NewDecoder(res.Body).Decode(&body)
	return res.StatusCode, body, errors.Join(err, res.Body.Close())
}

// participants waits until a campaign has so many.
func (s *service) participants(t testing.TB, id string, n int) {
	t.Helper()
	s.until(t, "/api/events/"+id+"/analytics", func(status int, body map[string]any) bool {
		summary, _ := body["summary"].(map[string]any)
		return status == http.StatusOK && summary["totalParticipants"] == float64(n)
	})
}

// campaigns waits until a shop has so many.
func (s *service) campaigns(t testing.TB, shop string, n int) {
	t.Helper()
	for deadline, seen := time.Now().Add(time.Minute), -1; seen != n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has %d campaigns, want %d", shop, seen, n)
		}
		seen = 0
		for cursor := ""; ; {
			_, body, err := s.get(t, "/api/stores/"+shop+"/events?limit=200&cursor="+url.QueryEscape(cursor))
			all, ok := body["events"].([]any)
			if err != nil || !ok {
				break
			}
			seen += len(all)
			if cursor, ok = body["next"].(string); !ok {
				break
			}
		}
	}
}

// scratch is a directory of the tests, which TestMain makes and removes.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "jangbu-dashboard-"); err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		defer closeBrowser()
		return m.Run()
	}())
}

// order orders a fault of a demo's channel API.
func (s *service) order(t testing.TB, api, fault string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.channels+"/"+api, strings.NewReader(fault))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode >= 300 {
		t.Fatalf("order %s: %s, %v", fault, res.Status, err)
	}
}
