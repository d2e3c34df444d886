package health

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"jangbu/events/eventstest/services"
)

// deployed is where what operators install is.
var deployed = filepath.Join("..", "..", "..", "scripts", "deploy", "prometheus")

var update = flag.Bool("update", false, "rewrite scripts/deploy/prometheus/rules_test.yml")

// fault is what /metrics tells while something is wrong, and the alerts that it must fire; it must
// fire no others.
type fault struct {
	name   string
	series map[string]string // those that differ from well; values as promtool has them, one in 3 s
	alerts []string
}

// Values of a series: 60 s that are well, 60 s that are not, and 10 minutes.
const (
	well0, well1 = "0x220", "1x220"
	off          = "1x19 0x20 1x200" // 1, but 0 while the fault lasts
	on           = "0x19 1x20 0x200"
	once         = "0x19 1x200" // a counter that counts one
	growing      = "0x19 0+3x20 0x200"
)

// well are the series of two processes, a that leads and b, while nothing is wrong.
func well() map[string]string {
	all := make(map[string]string)
	for _, instance := range []string{"a", "b"} {
		add := func(name, labels, values string) {
			if labels != "" {
				labels = "," + labels
			}
			all[fmt.Sprintf(`%s{job="jangbu",instance=%q%s}`, name, instance, labels)] = values
		}
		add("up", "", well1)
		for _, projection := range []string{"event_stats", "channel_stats"} {
			add("jangbu_projection_lag_seconds", `projection="`+projection+`"`, "0x10 2 0x210")
			add("jangbu_projection_lag_events", `projection="`+projection+`"`, "0x10 40 0x210")
			add("jangbu_projection_paused", `projection="`+projection+`"`, well0)
		}
		add("jangbu_lease_held", `lease="projections"`, "1x5 0 1x215") // it changes hands
		add("jangbu_lease_failing", `lease="projections"`, "0x7 1 0x213")
		for _, part := range []string{"log", "rows", "ingest", "sources", "leases", "project"} {
			add("jangbu_part_ready", `part="`+part+`"`, well1)
		}
		for _, to := range []string{"log", "rows", "kafka", "redis"} {
			add("jangbu_connected", `to="`+to+`"`, "1x12 0 1x208") // once it took too long
		}
		for _, topic := range []string{"event-created", "participant-registered"} {
			add("jangbu_source_topic_missing", `topic="`+topic+`"`, well0)
			add("jangbu_source_stalled_seconds", `topic="`+topic+`"`, "0x8 0+3.5x2 0x209") // a process was killed
			add("jangbu_source_gaps_total", `topic="`+topic+`"`, "2x220")
		}
		add("jangbu_end_to_end_seconds", "", "0.2x9 7 0.2x210")
		add("jangbu_end_to_end_waiting_seconds", "", "0x8 0+3.4x2 0x209")
		add("jangbu_log_dead_letters", "", "7x220")
		add("jangbu_audit_wrong_campaigns", "", well0)
		add("jangbu_history_changes_total", "", well0)
		add("jangbu_http_requests_total", `route="getAnalytics",status="200"`, "0+300x220")
		add("jangbu_http_requests_total", `route="getAnalytics",status="503"`, "0x3 1x217")
		add("jangbu_channel_breaker_state", `api="sns",state="open"`, "0x3 1x40 0x177") // for two minutes
	}
	return all
}

// faults are what can go wrong, each with the alerts that it must fire.
func faults() []fault {
	of := func(instance, series, values string) map[string]string {
		return map[string]string{strings.Replace(series, "{", fmt.Sprintf("{job=\"jangbu\",instance=%q,", instance), 1): values}
	}
	both := func(series, values string) map[string]string {
		m := of("a", series, values)
		maps.Copy(m, of("b", series, values))
		return m
	}
	gone := func(instance string) map[string]string {
		m := make(map[string]string)
		for series := range well() {
			if strings.Contains(series, `instance="`+instance+`"`) {
				m[series] = "1x19 stale _x20 1x200"
				if strings.Contains(series, "requests") || !strings.Contains(series, "ready") && !strings.Contains(series, "connected") && !strings.Contains(series, "held") {
					m[series] = "0x19 stale _x20 0x200"
				}
			}
		}
		maps.Copy(m, map[string]string{`up{job="jangbu",instance="` + instance + `"}`: off})
		return m
	}
	and := func(all ...map[string]string) map[string]string {
		m := make(map[string]string)
		for _, more := range all {
			maps.Copy(m, more)
		}
		return m
	}
	lag := and(both(`jangbu_projection_lag_seconds{projection="event_stats"}`, growing), both(`jangbu_projection_lag_events{projection="event_stats"}`, growing))
	return []fault{
		{name: "the leader is frozen, and the other process leads", series: gone("a"), alerts: []string{"JangbuDown"}},
		{name: "no process leads, and no event comes", series: both(`jangbu_lease_held{lease="projections"}`, off), alerts: []string{"JangbuLeaderless"}},
		{name: "no process leads, and events wait", series: and(both(`jangbu_lease_held{lease="projections"}`, off), lag), alerts: []string{"JangbuLeaderless", "JangbuProjectionsBehind"}},
		{name: "the rows' disk is full", series: and(both(`jangbu_lease_failing{lease="projections"}`, on), both(`jangbu_lease_held{lease="projections"}`, off), lag, of("a", `jangbu_part_ready{part="project"}`, off)), alerts: []string{"JangbuProjectionsBehind", "JangbuProjectionsFailing"}},
		{name: "a projection is paused", series: and(both(`jangbu_projection_paused{projection="event_stats"}`, on), lag), alerts: []string{"JangbuProjectionPaused"}},
		{name: "a clock was wrong, and a lease lasts for days", series: both(`jangbu_part_ready{part="leases"}`, off), alerts: []string{"JangbuLeaseStuck"}},
		{name: "the database is away", series: and(both(`jangbu_connected{to="log"}`, off), both(`jangbu_connected{to="rows"}`, off), both(`jangbu_part_ready{part="log"}`, off), both(`jangbu_part_ready{part="leases"}`, off), both(`jangbu_part_ready{part="ingest"}`, "1x19 0x22 1x198"), both(`jangbu_end_to_end_waiting_seconds{}`, "0x19 0+3x22 0x198"), both(`jangbu_source_stalled_seconds{topic="event-created"}`, "0x19 _x20 60 0x199")), alerts: []string{"JangbuDatabaseAway"}},
		{name: "the brokers are away", series: and(both(`jangbu_connected{to="kafka"}`, off), both(`jangbu_part_ready{part="sources"}`, off)), alerts: []string{"JangbuKafkaAway"}},
		{name: "Redis is away", series: both(`jangbu_connected{to="redis"}`, off), alerts: []string{"JangbuRedisAway"}},
		{name: "a topic was deleted", series: and(both(`jangbu_source_topic_missing{topic="event-created"}`, on), both(`jangbu_part_ready{part="sources"}`, off)), alerts: []string{"JangbuTopicMissing"}},
		{name: "a partition is not read", series: both(`jangbu_source_stalled_seconds{topic="event-created"}`, growing), alerts: []string{"JangbuTopicStalled"}},
		{name: "the pipe stands, and no owner's record comes", series: both(`jangbu_end_to_end_waiting_seconds{}`, growing), alerts: []string{"JangbuPipeStands"}},
		{name: "a partition is not read, nor its canary", series: and(both(`jangbu_end_to_end_waiting_seconds{}`, growing), both(`jangbu_source_stalled_seconds{topic="event-created"}`, growing)), alerts: []string{"JangbuTopicStalled"}},
		{name: "retention was faster", series: both(`jangbu_source_gaps_total{topic="event-created"}`, "2x19 3x200"), alerts: []string{"JangbuRecordsLost"}},
		{name: "the log's disk is full", series: and(of("a", `jangbu_part_ready{part="ingest"}`, off), both(`jangbu_source_stalled_seconds{topic="event-created"}`, growing), both(`jangbu_end_to_end_waiting_seconds{}`, growing)), alerts: []string{"JangbuIngestFailing"}},
		{name: "a producer sends what breaks its contract", series: map[string]string{
			`jangbu_log_dead_letters{job="jangbu",instance="a"}`: "7x19 8+5x20 108x180", `jangbu_log_dead_letters{job="jangbu",instance="b"}`: "7x19 8+5x20 108x180",
		}, alerts: []string{"JangbuDeadLetters"}},
		{name: "a row is wrong", series: both(`jangbu_audit_wrong_campaigns{}`, on), alerts: []string{"JangbuServedWrong"}},
		{name: "the log is another one", series: of("a", `jangbu_history_changes_total{}`, once), alerts: []string{"JangbuHistoryChanged"}},
		{name: "reads fail", series: both(`jangbu_http_requests_total{route="getAnalytics",status="503"}`, "0x19 0+100x20 2000x180"), alerts: []string{"JangbuServerErrors"}},
	}
}

// TestAlerts: of each fault the alerts fire that it must, within 15 s and until it is over, no others,
// and none before it and 8 minutes after it. What is committed is what operators can run themselves.
func TestAlerts(t *testing.T) {
	t.Parallel()
	_, promtool := services.Prometheus(t)
	var text bytes.Buffer
	text.WriteString("# Of each fault the alerts that it must fire, and no others: promtool test rules rules_test.yml\n" +
		"# Written by TestAlerts in cmd/jangbu/health, which has the table: go test ./cmd/jangbu/health -run TestAlerts -update\n" +
		"rule_files: [rules.yml]\nevaluation_interval: 3s\ntests:\n")
	for _, f := range faults() {
		f.render(&text)
	}
	path := filepath.Join(deployed, "rules_test.yml")
	if *update {
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil { //nolint:gosec // a file of the tree
			t.Fatal(err)
		}
	}
	if committed, err := os.ReadFile(path); err != nil || !bytes.Equal(committed, text.Bytes()) {
		t.Errorf("%s is not what the table says (%v): go test ./cmd/jangbu/health -run TestAlerts -update", path, err)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", path).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// render writes the fault as promtool has it.
func (f fault) render(to *bytes.Buffer) {
	series := well()
	for name, values := range f.series {
		name = strings.NewReplacer(",}", "}").Replace(name)
		if _, ok := series[name]; !ok {
			panic(name + " is no series")
		}
		series[name] = values
	}
	_, _ = fmt.Fprintf(to, "  - name: %s\n    interval: 3s\n    input_series:\n", f.name)
	for _, name := range slices.Sorted(maps.Keys(series)) {
		_, _ = fmt.Fprintf(to, "      - {series: '%s', values: '%s'}\n", name, series[name])
	}
	to.WriteString("    promql_expr_test:\n")
	for _, at := range []struct {
		alerts  string
		seconds int
		want    []string
	}{
		{`max_over_time(ALERTS{alertstate="firing"}[57s])`, 57, nil},
		{`ALERTS{alertstate="firing"}`, 75, f.alerts},
		{`max_over_time(ALERTS{alertstate="firing"}[60s])`, 135, f.alerts},
		{`ALERTS{alertstate="firing"}`, 600, nil},
	} {
		_, _ = fmt.Fprintf(to, "      - expr: group by (alertname) (%s)\n        eval_time: %ds\n        exp_samples:", at.alerts, at.seconds)
		if len(at.want) == 0 {
			to.WriteString(" []")
		}
		to.WriteString("\n")
		for _, alert := range at.want {
			_, _ = fmt.Fprintf(to, "          - {labels: '{alertname=%q}', value: 1}\n", alert)
		}
	}
}

// TestAlertsHavePages holds that each alert has a severity, a summary and a page, and that a fault
// of the table fires it.
func TestAlertsHavePages(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile(filepath.Join(deployed, "rules.yml"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "operate", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	fired := make(map[string]bool)
	for _, f := range faults() {
		for _, alert := range f.alerts {
			fired[alert] = true
		}
	}
	_, body, _ := strings.Cut(string(rules), "rules:\n")
	alerts := strings.Split(body, "- alert: ")[1:]
	if len(alerts) < 12 {
		t.Errorf("%d alerts were read", len(alerts))
	}
	for _, rule := range alerts {
		name, _, _ := strings.Cut(rule, "\n")
		anchor := strings.ToLower(name)
		for _, want := range []string{`(?m)^ *labels: \{severity: (critical|warning)\}$`, `(?m)^ *summary: ".+\."$`, `(?m)^ *runbook: cmd/jangbu/operate/README\.md#` + anchor + `$`} {
			if !regexp.MustCompile(want).MatchString(rule) {
				t.Errorf("%s has no line %s", name, want)
			}
		}
		if !strings.Contains(string(page), "\n### "+name+"\n") {
			t.Errorf("%s has no page", name)
		}
		if !fired[name] && name != "JangbuChannelAway" { // for 15 minutes
			t.Errorf("no fault of the table fires %s", name)
		}
	}
}
