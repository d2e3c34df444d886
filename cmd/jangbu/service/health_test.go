package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// scrape returns the samples of /metrics: a value, as it is written, of each series.
func (s *Service) scrape(t *testing.T) map[string]string {
	t.Helper()
	res, err := http.Get(s.adminURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: status %d, %v: %.300s", res.StatusCode, err, text)
	}
	samples := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			at := strings.LastIndexByte(line, ' ')
			samples[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return samples
}

// TestEveryProcessTellsTheSameOfTheProjections: a process that was the leader, and one that never
// was, export what the one that leads exports: they read it from the stores (I15).
func TestEveryProcessTellsTheSameOfTheProjections(t *testing.T) {
	t.Parallel()
	database := services.Database(t)
	run := func(role string) *Service {
		t.Helper()
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL, cfg.Role = database, []string{role}
		s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
		return s
	}
	leads := func(s *Service) string {
		h, err := s.rows.Holder(t.Context(), runner.LeaseName)
		if err != nil || h.Owner != s.owner {
			return fmt.Sprintf("%q leads, %v", h.Owner, err)
		}
		return ""
	}
	former := run(roleProject)
	waitFor(t, time.Minute, func() string { return leads(former) })
	next, never := run(roleProject), run(roleAPI)
	appended := 0
	happen := func() {
		t.Helper()
		appended++
		r := record("event-created", "evt-1", fmt.Sprintf(`{"eventId":"evt-1","storeId":"shop-1","title":"t %d","objective":"o"}`, appended))
		decoded, err := events.Decode(events.TypeEventCreated, r, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := former.log.Append(t.Context(), []events.Draft{decoded.Draft}); err != nil {
			t.Fatal(err)
		}
	}
	// folded waits until all processes say that one leads and every event is folded.
	folded := func(leader *Service) {
		t.Helper()
		waitFor(t, time.Minute, func() string {
			for i, s := range []*Service{former, next, never} {
				got := s.scrape(t)
				want := map[string]string{
					"jangbu_log_head": fmt.Sprint(appended),
					`jangbu_projection_position{projection="event_stats"}`:                           fmt.Sprint(appended),
					`jangbu_projection_lag_events{projection="channel_stats"}`:                       "0",
					`jangbu_projection_lag_seconds{projection="event_stats"}`:                        "0",
					`jangbu_projection_paused{projection="participation_hourly"}`:                    "0",
					`jangbu_lease_held{lease="projections"}`:                                         "1",
					fmt.Sprintf("jangbu_lease_holder{lease=\"projections\",owner=%q}", leader.owner): "1",
					"jangbu_projections_leading":                                                     fmt.Sprint(map[bool]int{true: 1}[s == leader]),
				}
				for series, value := range want {
					if got[series] != value {
						return fmt.Sprintf("process %d exports %s %s, want %s", i, series, got[series], value)
					}
				}
				if left := got[`jangbu_lease_left_seconds{lease="projections"}`]; left == "" || left == "0" {
					return fmt.Sprintf("process %d: the lease lasts another %q", i, left)
				}
			}
			return ""
		})
	}
	happen()
	folded(former)
	waitFor(t, time.Minute, func() string { // the former leader may take it again
		if leads(next) == "" {
			return ""
		}
		if h, err := former.rows.Holder(t.Context(), runner.LeaseName); err == nil && h.Owner == former.owner {
			_, _ = former.rows.Break(t.Context(), h.Lease, "test", "hand over")
		}
		return leads(next)
	})
	for range 3 {
		happen()
	}
	folded(next)

	op := readmodel.Operation{Kind: readmodel.Pause, Who: "test", Projections: []string{"event_stats"}}
	op, err := next.rows.Ask(t.Context(), op)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, func() string {
		if op, err := next.rows.Operation(t.Context(), op.ID); err != nil || op.State != readmodel.Done {
			return fmt.Sprint(op.State, err)
		}
		return ""
	})
	happen()
	waitFor(t, time.Minute, func() string {
		for i, s := range []*Service{former, next, never} {
			got := s.scrape(t)
			for series, value := range map[string]string{
				`jangbu_projection_lag_events{projection="event_stats"}`:   "1",
				`jangbu_projection_lag_events{projection="channel_stats"}`: "0",
				`jangbu_projection_paused{projection="event_stats"}`:       "1",
			} {
				if got[series] != value {
					return fmt.Sprintf("process %d, paused, exports %s %s, want %s", i, series, got[series], value)
				}
			}
			if lag := got[`jangbu_projection_lag_seconds{projection="event_stats"}`]; lag == "" || lag == "0" {
				return fmt.Sprintf("process %d: lag %q seconds", i, lag)
			}
		}
		return ""
	})
}

// readyz returns what /readyz says: of each part that is not ready its error, and its notes.
func (s *Service) readyz(t *testing.T) (status int, parts map[string]string) {
	t.Helper()
	res, err := http.Get(s.adminURL + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var body struct {
		Parts []struct{ Name, Error, Note string }
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	parts = make(map[string]string)
	for _, p := range body.Parts {
		parts[p.Name] = p.Error + p.Note
	}
	return res.StatusCode, parts
}

// TestReadiness: a process is ready while each part does what it is for, and says what a part last
// could not do: a database that is full, a broker that is away, a topic that was deleted. The metrics
// say so too (I15). Without Redis it goes on, and only says so.
func TestReadiness(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(at string) *embedded.Broker {
		t.Helper()
		broker, err := embedded.Start(t.Context(), embedded.Config{Listen: at, DataDir: dir, Partitions: 2, Topics: stores.DefaultTopics().TopicNames()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		return broker
	}
	broker, redis := start("127.0.0.1:0"), services.StartRedis(t)
	cfg := testConfig(t.TempDir())
	cfg.DatabaseURL, cfg.KafkaBrokers, cfg.RedisURL = services.Database(t), []string{broker.Addr()}, "redis://"+redis.Addr
	cfg.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	b := setup(t, cfg)
	// says waits until /readyz says this of a part, and the metrics that.
	says := func(status int, part, sentence string, metrics map[string]string) {
		t.Helper()
		waitFor(t, time.Minute, func() string {
			got, parts := b.readyz(t)
			if got != status || !strings.Contains(parts[part], sentence) || sentence == "" && parts[part] != "" {
				return fmt.Sprintf("/readyz: status %d, %v; want %d and %s: %s", got, parts, status, part, sentence)
			}
			samples := b.scrape(t)
			for series, value := range metrics {
				if samples[series] != value {
					return fmt.Sprintf("%s is %q, want %s", series, samples[series], value)
				}
			}
			return ""
		})
	}
	const lag = `jangbu_source_lag_records{partition="%d",topic="event-created"}`
	created := record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"shop-1","title":"t","objective":"o"}`)
	b.produce(t, created)
	says(http.StatusOK, "sources", "", map[string]string{
		fmt.Sprintf(lag, 0): "0", fmt.Sprintf(lag, 1): "0", `jangbu_source_stalled_seconds{topic="event-created"}`: "0",
		`jangbu_connected{to="kafka"}`: "1", `jangbu_connected{to="log"}`: "1", `jangbu_connected{to="rows"}`: "1", `jangbu_connected{to="redis"}`: "1",
		`jangbu_failures_total{part="ingest"}`: "0", `jangbu_failures_total{part="log"}`: "0", `jangbu_failures_total{part="project"}`: "0",
		`jangbu_part_ready{part="ingest"}`: "1",
	})

	redis.Kill(t)
	says(http.StatusOK, "redis", "reads come from the database", map[string]string{`jangbu_connected{to="redis"}`: "0"})
	redis.Start(t)
	says(http.StatusOK, "redis", "", map[string]string{`jangbu_connected{to="redis"}`: "1"})

	database, err := pgx.Connect(t.Context(), cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close(context.WithoutCancel(t.Context())) })
	if _, err := database.Exec(t.Context(), `
		CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
		CREATE TRIGGER full_disk BEFORE UPDATE ON jangbu_log.log_head FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`); err != nil {
		t.Fatal(err)
	}
	created.Value = []byte(strings.Replace(string(created.Value), `"t"`, `"t 2"`, 1))
	b.produce(t, created)
	says(http.StatusServiceUnavailable, "ingest", "No space left on device", map[string]string{`jangbu_part_ready{part="ingest"}`: "0"})
	waitFor(t, time.Minute, func() string {
		samples := b.scrape(t)
		failed, ones := samples[`jangbu_failures_total{part="ingest"}`], samples[fmt.Sprintf(lag, 0)]+samples[fmt.Sprintf(lag, 1)]
		if failed == "0" || samples[`jangbu_failures_total{part="log"}`] == "0" || ones != "10" && ones != "01" {
			return fmt.Sprintf("on a full disk the failures are %s, and the lags %s", failed, ones)
		}
		return ""
	})
	if _, err := database.Exec(t.Context(), `DROP TRIGGER full_disk ON jangbu_log.log_head`); err != nil {
		t.Fatal(err)
	}
	says(http.StatusOK, "ingest", "", map[string]string{fmt.Sprintf(lag, 0): "0", fmt.Sprintf(lag, 1): "0"})

	broker.Close()
	says(http.StatusServiceUnavailable, "sources", "brokers cannot be asked", map[string]string{`jangbu_connected{to="kafka"}`: "0", `jangbu_part_ready{part="sources"}`: "0", fmt.Sprintf(lag, 0): ""})
	start(broker.Addr())
	says(http.StatusOK, "sources", "", map[string]string{`jangbu_connected{to="kafka"}`: "1", `jangbu_part_ready{part="sources"}`: "1"})

	if err := kafka.Remove(t.Context(), kafka.Config{Brokers: cfg.KafkaBrokers}, "distribution-completed"); err != nil {
		t.Fatal(err)
	}
	says(http.StatusServiceUnavailable, "sources", `topic "distribution-completed" is not on the brokers`, map[string]string{
		`jangbu_source_topic_missing{topic="distribution-completed"}`: "1", `jangbu_source_topic_missing{topic="event-created"}`: "0",
	})
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: cfg.KafkaBrokers}, 2, "distribution-completed"); err != nil {
		t.Fatal(err)
	}
	says(http.StatusOK, "ingest", "", map[string]string{`jangbu_source_topic_missing{topic="distribution-completed"}`: "0", `jangbu_part_ready{part="sources"}`: "1"})
}

// TestCanary: a canary comes from its topic to served rows also when no other record comes, and is in
// no number; while the pipe stands, how long it takes grows, and is short again afterwards. What only
// looks like a canary is not passed over.
func TestCanary(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.CanaryEvery = 250 * time.Millisecond
	b := setup(t, cfg)
	number := func(series string) float64 {
		t.Helper()
		n, err := strconv.ParseFloat(b.scrape(t)[series], 64)
		if err != nil {
			return -1
		}
		return n
	}
	served := func(more float64) {
		t.Helper()
		at := number(`jangbu_canaries_total{result="served"}`)
		waitFor(t, time.Minute, func() string {
			n, took, last := number(`jangbu_canaries_total{result="served"}`), number("jangbu_end_to_end_seconds"), number("jangbu_end_to_end_success_timestamp_seconds")
			if n < at+more || took <= 0 || took > 5 || time.Since(time.UnixMilli(int64(1000*last))) > 5*time.Second {
				return fmt.Sprintf("%v canaries are served, the last after %v s, at %v", n, took, last)
			}
			return ""
		})
	}
	served(2)
	if totals, err := b.Totals(t.Context()); err != nil || totals != (events.Totals{}) {
		t.Errorf("canaries are in the totals: %+v, %v", totals, err)
	}

	order := func(kind readmodel.OperationKind) {
		t.Helper()
		op := readmodel.Operation{Kind: kind, Who: "test", Projections: []string{"event_stats"}}
		op, err := b.rows.Ask(t.Context(), op)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, time.Minute, func() string {
			if op, err := b.rows.Operation(t.Context(), op.ID); err != nil || op.State != readmodel.Done {
				return fmt.Sprint(op.State, err)
			}
			return ""
		})
	}
	order(readmodel.Pause)
	topic := cfg.TopicChannelStatsFetched
	report := record(topic, "evt-1", `{"eventId":"evt-1","channel":"naver","fetchedAt":"2026-11-23T11:00:00+09:00","views":2000}`)
	report.Headers = []events.Header{{Key: events.CanaryHeader}} // it has a value
	empty := record(topic, "evt-1", "")
	empty.Value = nil // it has no header
	b.produce(t, report, empty)
	waitFor(t, time.Minute, func() string {
		if took, lost := number("jangbu_end_to_end_seconds"), number(`jangbu_canaries_total{result="lost"}`); took < 1.5 || lost < 2 {
			return fmt.Sprintf("while projections stand a canary takes %v s, and %v are lost", took, lost)
		}
		return ""
	})
	order(readmodel.Resume)
	served(2)
	if totals, err := b.Totals(t.Context()); err != nil || totals.Head != 1 || totals.DeadLettered != 1 || totals.Received != 2 {
		t.Errorf("the totals are %+v, %v", totals, err)
	}
}
