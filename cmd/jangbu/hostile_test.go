package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

const (
	// hostileRecords is how many TestHostileRecords sends, unless JANGBU_TEST_RECORDS says
	// otherwise.
	hostileRecords = 800
	// hostileMemory is what the process may use meanwhile.
	hostileMemory = 600 << 20
	// hostileDelay is how soon 99 of 100 good records between them must be visible.
	hostileDelay = time.Second
)

// TestHostileRecords sends records with the extremes of every field, and good registrations
// between them: all are accounted for, the good ones are visible at once, and the program
// needs no more memory than for good ones (I5, I14).
func TestHostileRecords(t *testing.T) {
	t.Parallel()
	records := hostileRecords
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_RECORDS")); err == nil {
		records = n
	}
	p := runProgram(t, t.TempDir())
	h := newHostile(t, p.broker)
	h.produce(t, 0, good(`{"eventId":"canary","storeId":"s","title":"t","objective":"o"}`, "event-created"))
	waitFor(t, 10*time.Second, func() string {
		if status, _ := p.ask(t, p.api+"/api/events/canary/analytics"); status != 200 {
			return "the campaign is not there"
		}
		return ""
	})

	var sent []time.Time // when each good registration was sent
	seen := make(chan []time.Time, 1)
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { seen <- watch(watching, p) }()
	for len(sent)*10 < records {
		start := time.Now()
		if peak := peakMemory(t, p.cmd.Process.Pid); peak > 4*hostileMemory {
			p.kill(t) // before it takes that of the whole machine
			t.Fatalf("after %d records the program uses %d MiB", h.sent, peak>>20)
		}
		for range 9 {
			h.produce(t, int32(h.random.IntN(12)), h.record())
		}
		n := len(sent)
		sent = append(sent, time.Now())
		h.produce(t, 3, good(fmt.Sprintf(`{"participantId":"p-%d","eventId":"canary","phoneNumber":"010-1234-%04d"}`, n, n%10_000), "participant-registered"))
		time.Sleep(time.Until(start.Add(5 * time.Millisecond))) // the pace, not a wait for something
	}
	total := int64(h.sent)
	waitFor(t, time.Minute, func() string {
		m := p.metrics(t)
		if got := m["jangbu_log_head"] + m["jangbu_log_dead_letters"] + m["jangbu_log_duplicates_total"]; got < total {
			return fmt.Sprintf("%d of %d records are accounted for", got, total)
		}
		if d := p.dashboard(t, "canary"); d.Summary.TotalParticipants < int64(len(sent)) {
			return fmt.Sprintf("%d of %d good registrations are visible", d.Summary.TotalParticipants, len(sent))
		}
		return ""
	})
	stop()
	var delays []time.Duration
	for i, at := range <-seen {
		delays = append(delays, at.Sub(sent[i]))
	}
	slices.Sort(delays)
	peak := peakMemory(t, p.cmd.Process.Pid)
	m := p.metrics(t)
	if received := m["jangbu_log_received_total"]; received != m["jangbu_log_head"]+m["jangbu_log_dead_letters"]+m["jangbu_log_duplicates_total"] {
		t.Errorf("the account does not add up: %v", m)
	}
	if d := p.dashboard(t, "canary"); d.Summary.TotalParticipants != int64(len(sent)) {
		t.Errorf("%d good registrations count, %d were sent", d.Summary.TotalParticipants, len(sent))
	}
	p99 := delays[len(delays)*99/100]
	t.Logf("%d records: %d events, %d dead letters, %d duplicates; good ones visible after %v (p50), %v (p99), %v at most; peak memory %d MiB",
		total, m["jangbu_log_head"], m["jangbu_log_dead_letters"], m["jangbu_log_duplicates_total"], delays[len(delays)/2], p99, delays[len(delays)-1], peak>>20)
	if peak > hostileMemory && !raced {
		t.Errorf("the program used %d MiB, more than %d", peak>>20, hostileMemory>>20)
	}
	if p99 > hostileDelay && !raced {
		t.Errorf("1 of 100 good records was visible only after %v", p99)
	}
	// No dashboard is large, whatever was sent.
	var list struct {
		Campaigns []struct {
			EventID string `json:"eventId"`
		} `json:"events"`
	}
	if err := json.Unmarshal(p.get(t, p.api+"/api/stores/s/events"), &list); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(list.Campaigns, struct {
		EventID string `json:"eventId"`
	}{"evt-0"}) {
		if status, body := p.ask(t, p.api+"/api/events/"+c.EventID+"/analytics"); len(body) > 256<<10 {
			t.Errorf("the dashboard of %s (status %d) has %d bytes", c.EventID, status, len(body))
		}
	}
}

// watch returns when the dashboard first showed each number of participants.
func watch(ctx context.Context, p *program) (at []time.Time) {
	for ctx.Err() == nil {
		body, err := fetch(ctx, p.api+"/api/events/canary/analytics")
		now := time.Now()
		var d servedDashboard
		if err == nil && json.Unmarshal(body, &d) == nil {
			for int64(len(at)) < d.Summary.TotalParticipants {
				at = append(at, now)
			}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return at
}

func fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	return io.ReadAll(res.Body)
}

// peakMemory returns the most memory that the process has used; 0 where only Linux tells.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if runtime.GOOS != "linux" {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// rawRecord is a record as the protocol has it: any timestamp, any bytes.
type rawRecord struct {
	topic     string
	timestamp int64 // milliseconds
	kmsg.Record
}

func good(value, topic string) rawRecord {
	return rawRecord{topic, time.Now().UnixMilli(), kmsg.Record{Key: []byte("canary"), Value: []byte(value)}}
}

// hostile makes records and sends them without a producer's checks.
type hostile struct {
	random *rand.Rand
	broker *kgo.Broker
	sent   int
}

func newHostile(t *testing.T, broker string) *hostile {
	t.Helper()
	// Later versions name topics by their IDs.
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.MaxVersions(kversion.V3_7_0()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &hostile{random: rand.New(rand.NewPCG(seed, 7)), broker: client.SeedBrokers()[0]}
}

// produce writes one record as a batch of its own.
func (h *hostile) produce(t *testing.T, partition int32, r rawRecord) {
	t.Helper()
	r.Length = 0
	r.Length = int32(len(r.AppendTo(nil)) - 1) // one byte is that of the length 0
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, FirstTimestamp: r.timestamp, MaxTimestamp: r.timestamp,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 1, Records: r.AppendTo(nil),
	}
	batch.Length = int32(len(batch.AppendTo(nil)) - 12)
	batch.CRC = int32(crc32.Checksum(batch.AppendTo(nil)[21:], crc32.MakeTable(crc32.Castagnoli)))
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, 10_000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = r.topic
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = partition, batch.AppendTo(nil)
	topic.Partitions = append(topic.Partitions, part)
	request.Topics = append(request.Topics, topic)
	response, err := h.broker.RetriableRequest(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if code := response.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("the broker refused a record of %s with the error %d", r.topic, code)
	}
	h.sent++
}

// oneOf returns one of the values.
func oneOf[T any](h *hostile, all ...T) T { return all[h.random.IntN(len(all))] }

// record returns a record in which one to three things are extreme.
func (h *hostile) record() rawRecord {
	topics := stores.DefaultTopics().TopicNames()
	which := h.random.IntN(len(topics))
	r := rawRecord{topic: topics[which], timestamp: time.Now().UnixMilli()}
	campaign := fmt.Sprintf("evt-%d", h.random.IntN(20))
	r.Key = []byte(campaign)
	members := h.members(which, campaign)
	for range 1 + h.random.IntN(3) {
		switch h.random.IntN(6) {
		case 0:
			r.timestamp = oneOf(h, math.MinInt64, math.MaxInt64, 0, -1, 1, time.Now().UnixNano(), time.Now().UnixMicro(), time.Now().Unix(),
				time.Now().Add(25*time.Hour).UnixMilli(), time.Now().Add(-30*365*24*time.Hour).UnixMilli(), math.MaxInt32, int64(h.random.Uint64()))
		case 1:
			r.Key = oneOf(h, nil, []byte{}, []byte{0}, bytes.Repeat([]byte{0xff}, 5000))
		case 2:
			r.Headers = h.headers()
		default:
			h.spoil(&members)
		}
	}
	r.Value = h.value(members)
	return r
}

// member is a name and its JSON.
type member struct{ name, value string }

func (h *hostile) members(which int, campaign string) []member {
	id := member{"eventId", strconv.Quote(campaign)}
	now := strconv.Quote(time.Now().UTC().Format(time.RFC3339Nano))
	switch events.Types()[which] {
	case events.TypeEventCreated:
		return []member{id, {"storeId", `"s"`}, {"title", `"여름"`}, {"objective", `"신규"`}, {"startsAt", now}, {"endsAt", now}, {"prizeCost", "1000"}, {"newCustomerLtv", "5"}}
	case events.TypeParticipantRegistered:
		return []member{
			{"participantId", fmt.Sprintf(`"q-%d"`, h.random.IntN(100_000))},
			id,
			{"phoneNumber", `"010-1234-5678"`},
			{"registeredAt", now},
			{"channel", `"naver"`},
			{"newCustomer", "true"},
			{"gender", `"여성"`},
			{"ageGroup", `"30대"`},
			{"region", `"서울"`},
		}
	case events.TypeDistributionCompleted:
		return []member{id, {"distributedChannels", `["naver",{"channel":"kakao","cost":5}]`}, {"completedAt", now}}
	default:
		return []member{id, {"channel", `"naver"`}, {"fetchedAt", now}, {"views", "7"}}
	}
}

// spoil changes one member, or adds some.
func (h *hostile) spoil(members *[]member) {
	i := h.random.IntN(len(*members))
	switch h.random.IntN(5) {
	case 0:
		*members = slices.Delete(*members, i, i+1)
		if len(*members) == 0 {
			*members = []member{{"", "0"}}
		}
	case 1:
		*members = append(*members, (*members)[i])
	case 2:
		for n := range oneOf(h, 1, 10, 2000) {
			*members = append(*members, member{fmt.Sprintf("x%d", n), oneOf(h, "1", `"010-9876-5432"`, `{"a":[null]}`)})
		}
	case 3:
		(*members)[i].name = oneOf(h, "", `\u0000`, `\ud800`, strings.Repeat("n", 10_000))
	default:
		(*members)[i].value = h.extreme()
	}
}

// extreme returns an extreme of any type, some of them no JSON.
func (h *hostile) extreme() string {
	text := func(s string, n int) string { return `"` + strings.Repeat(s, n) + `"` }
	return oneOf(h,
		"null", "true", "0", "-0", "-1", "1.5", "1e400", "1e-400", "9007199254740992", "9007199254740993", "-9223372036854775808", "1"+strings.Repeat("0", 400),
		"NaN", "Infinity", "0x10", "01", "1e", "",
		text("", 0), text("x", 200), text("x", 201), text("가", 500), text("가", 501), text("x", 100_000), text(`\u0000`, 1), text(`\ud800`, 3), text(`\udc00\ud800`, 1),
		text("\xff", 2), text("\u202e", 5), text("\u2066", 1), text("😀", 50), text(`\n\t\"\\`, 40), text("010-1234-5678", 1),
		`"0000-01-01T00:00:00Z"`, `"2000-01-01T00:00:00Z"`, `"1999-12-31T23:59:59Z"`, `"9999-12-31T23:59:59.999999999Z"`, `"10000-01-01T00:00:00Z"`, `"-0001-01-01T00:00:00Z"`,
		`"2026-11-23T10:00:60Z"`, `"2026-02-30T00:00:00Z"`, `"2026-11-23T10:00:00+24:00"`, `"2026-11-23"`, `"1763863200000"`, "1763863200000000",
		strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000), strings.Repeat(`{"a":`, 5_000)+"1"+strings.Repeat("}", 5_000), strings.Repeat("[", 100_000),
		"["+strings.Repeat(`"naver",`, 10_000)+`"naver"]`, "["+strings.Repeat(`{"channel":"x"},`, 3_000)+`{}]`, "[]", "{}",
	)
}

// value writes the members, and sometimes no JSON at all.
func (h *hostile) value(members []member) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%s":%s`, m.name, m.value)
	}
	b.WriteByte('}')
	switch h.random.IntN(100) {
	case 0:
		return nil
	case 1:
		return []byte{}
	case 2:
		return b.Bytes()[:h.random.IntN(b.Len())]
	case 3:
		return append([]byte("\ufeff"), b.Bytes()...)
	case 4:
		random := make([]byte, h.random.IntN(300))
		for i := range random {
			random[i] = byte(h.random.Uint32())
		}
		return random
	case 5:
		return append(b.Bytes(), oneOf(h, " ", "{}", "\x00", "]")...)
	case 6:
		if h.random.IntN(20) == 0 {
			return bytes.Repeat([]byte(" "), 1<<20+h.random.IntN(3)-1)
		}
	}
	return b.Bytes()
}

func (h *hostile) headers() []kmsg.Header {
	var all []kmsg.Header
	for range oneOf(h, 1, 3, 1000) {
		all = append(all, kmsg.Header{
			Key:   oneOf(h, "", "ce_id", "ce_specversion", "ce_type", "ce_source", "content-type", "\xff", strings.Repeat("k", 1000)),
			Value: []byte(oneOf(h, "", "1.0", "0.3", "application/cloudevents+json", "application/cloudevents+xml; charset=\x00", "kr.example.EventCreated", "x", "\xff\xfe", strings.Repeat("v", 1000))),
		})
	}
	return all
}
