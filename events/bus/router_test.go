package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/commit"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// One for the whole process, started by sarama's metrics.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

const (
	topic = "participant-registered"
	// patience is how long a test waits for what should come within moments.
	patience = 15 * time.Second
)

// bundle is a router from an embedded broker into a log on SQLite.
type bundle struct {
	broker   string
	log      *sqlitelog.Log
	producer *kafka.Producer
	ended    <-chan error // what Run returned
	lines    *lines       // of the router
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// setup starts the router; wrap may put something between it and the log.
func setup(t *testing.T, wrap func(*bus.Ingest)) *bundle {
	t.Helper()
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Topics: []string{topic}, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client := kafka.Config{Brokers: []string{broker.Addr()}, Group: "jangbu"}
	b := &bundle{broker: broker.Addr(), lines: new(lines)}
	if b.producer, err = kafka.NewProducer(client); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.producer.Close() })
	dir := t.TempDir()
	if b.log, err = sqlitelog.Open(t.Context(), filepath.Join(dir, "log.db"), sqlitelog.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.log.Close() })
	keys, err := sqlitelog.OpenKeys(t.Context(), filepath.Join(dir, "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	master, err := privacy.CreateMasterKey(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := privacy.Open(t.Context(), keys, master)
	if err != nil {
		t.Fatal(err)
	}
	client.Log = b.log
	subscriber, err := kafka.NewSubscriber(client)
	if err != nil {
		t.Fatal(err)
	}
	cfg := bus.Ingest{
		Subscriber: subscriber, Topics: map[events.Type]string{events.TypeParticipantRegistered: topic},
		Log: b.log, Privacy: keeper,
	}
	if wrap != nil {
		wrap(&cfg)
	}
	if cfg.Appender == nil {
		group := commit.New(cfg.Log, commit.Options{})
		t.Cleanup(group.Close)
		cfg.Appender = group
	}
	router, err := bus.NewRouter(bus.Config{Ingest: &cfg, Logger: slog.New(slog.NewTextHandler(b.lines, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, finished := make(chan error, 1), make(chan struct{})
	b.ended = ended
	go func() {
		defer close(finished)
		ended <- router.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-finished
		if err := subscriber.Close(); err != nil {
			t.Errorf("close subscriber: %v", err)
		}
	})
	return b
}

// send produces the values as records of one campaign.
func (b *bundle) send(t *testing.T, values ...string) {
	t.Helper()
	b.sendAt(t, time.Now(), values...)
}

// sendAt sends records that are stamped with a time.
func (b *bundle) sendAt(t *testing.T, at time.Time, values ...string) {
	t.Helper()
	records := make([]events.Record, len(values))
	for i, value := range values {
		records[i] = events.Record{Topic: topic, Key: []byte("evt-1"), Value: []byte(value), Timestamp: at}
	}
	if err := b.producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// settled waits until the log's account has so many events and dead letters.
func (b *bundle) settled(t *testing.T, head events.Position, dead int64) events.Totals {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		totals, err := b.log.Totals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if totals.Head >= head && totals.DeadLettered >= dead {
			if totals.Head != head || totals.DeadLettered != dead {
				t.Errorf("%d events of %d, %d dead letters of %d", totals.Head, head, totals.DeadLettered, dead)
			}
			return totals
		}
		if time.Now().After(deadline) {
			t.Fatalf("in time only %+v, of %d events and %d dead letters", totals, head, dead)
		}
	}
}

func registration(participant, phone string) string {
	return fmt.Sprintf(`{"participantId":%q,"eventId":"evt-1","phoneNumber":%q}`, participant, phone)
}

// elsewhere returns a registration with other content.
func elsewhere(registration string) string {
	return strings.Replace(registration, "}", `,"region":"부산"}`, 1)
}

// traffic is 30 good records, 10 malformed ones among them and a conflict.
func traffic() []string {
	var values []string
	for i := range 40 {
		if i%4 == 3 {
			values = append(values, fmt.Sprintf(`{"participantId":"p-%d"`, i))
			continue
		}
		values = append(values, registration(fmt.Sprintf("p-%d", i), fmt.Sprintf("010-1234-%04d", i)))
	}
	return append(values, elsewhere(registration("p-0", "010-9999-9999")))
}

const good, bad = 30, 10 + 1 // of traffic

// inOrder checks that the log holds the good records of traffic, each once, in
// the order of their offsets (I1, I3), and knows which record each came from.
func (b *bundle) inOrder(t *testing.T) {
	t.Helper()
	recorded, err := b.log.Read(t.Context(), 0, 1000)
	if err == nil {
		err = b.log.Sources().Trace(t.Context(), recorded)
	}
	if err != nil {
		t.Fatal(err)
	}
	last, offset := -1, int64(-1)
	for _, r := range recorded {
		var n int
		if _, err := fmt.Sscanf(r.Event.(*events.ParticipantRegistered).Participant, "p-%d", &n); err != nil || n <= last {
			t.Errorf("after p-%d comes %v", last, r.Event)
		}
		if from := r.Origin; from.Topic != topic || from.Offset <= offset || n < len(traffic()) && from.Offset != int64(n) {
			t.Errorf("p-%d comes from %+v, after offset %d", n, from, offset)
		}
		offset = r.Origin.Offset
		last = n
	}
}

func TestFrameIsSortedOut(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.send(t, traffic()...)
	b.settled(t, good, bad)
	b.inOrder(t)
	letters, err := b.log.DeadLetters().List(t.Context(), events.DeadLetterQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[events.Reason]int)
	for _, l := range letters {
		count[l.Reason]++
		if l.Reason == events.ReasonConflict && !strings.Contains(l.Detail, "with other content") {
			t.Errorf("the conflict says %q", l.Detail)
		}
		if strings.Contains(l.Detail, "9999") {
			t.Errorf("the phone number is in the detail %q", l.Detail)
		}
	}
	if count[events.ReasonMalformed] != 10 || count[events.ReasonConflict] != 1 {
		t.Errorf("reasons of the dead letters: %v", count)
	}
}

// faultyLog fails as often as it is told to, before or after the log has done
// what it was asked for. Its frames are of one partition.
type faultyLog struct {
	*sqlitelog.Log
	appends, buries atomic.Int32 // failures to come
	afterwards      bool

	fails   atomic.Bool  // and no frame has been written since
	outages atomic.Int32 // how often it began to fail
}

// failed notes a failure.
func (l *faultyLog) failed() error {
	if !l.fails.Swap(true) {
		l.outages.Add(1)
	}
	return errDown
}

// wrote reports whether a frame was written by one of these appends: none of its records is to be buried.
func wrote(drafts []events.Draft, receipt events.Receipt, read []events.Reading) bool {
	for i, outcome := range receipt.Outcomes {
		if reason, _ := outcome.Refusal(drafts[i].ID); reason != "" {
			return false
		}
	}
	return slices.ContainsFunc(read, func(r events.Reading) bool { return r.Next > r.First })
}

var errDown = errors.New("the database is down")

func (l *faultyLog) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	fail := l.appends.Add(-1) >= 0
	if fail && !l.afterwards {
		return events.Receipt{}, l.failed()
	}
	receipt, err := l.Log.Append(ctx, drafts, read...)
	if fail {
		return events.Receipt{}, errors.Join(err, l.failed())
	}
	if err == nil && wrote(drafts, receipt, read) {
		l.fails.Store(false)
	}
	return receipt, err
}

func (l *faultyLog) DeadLetters() events.DeadLetters {
	return faultyLetters{l.Log.DeadLetters(), l}
}

// faultyLetters are the dead letters of a faultyLog.
type faultyLetters struct {
	events.DeadLetters
	log *faultyLog
}

func (l faultyLetters) Bury(ctx context.Context, letters []events.DeadLetter, read ...events.Reading) error {
	fail := l.log.buries.Add(-1) >= 0
	if fail && !l.log.afterwards {
		return l.log.failed()
	}
	err := l.DeadLetters.Bury(ctx, letters, read...)
	if fail {
		return errors.Join(err, l.log.failed())
	}
	if err == nil {
		l.log.fails.Store(false)
	}
	return err
}

// TestFailingDatabase fails each step of a frame, before and after its commit.
// The flow waits; nothing is lost, doubled or turned into a dead letter (I1, I5).
func TestFailingDatabase(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name            string
		appends, buries int32
		afterwards      bool
	}{
		{"append", 3, 0, false},
		{"append, whose answer is lost", 3, 0, true},
		{"bury", 0, 3, false},
		{"bury, whose answer is lost", 0, 3, true},
		{"both", 2, 2, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var faulty *faultyLog
			b := setup(t, func(cfg *bus.Ingest) {
				faulty = &faultyLog{Log: cfg.Log.(*sqlitelog.Log), afterwards: test.afterwards}
				faulty.appends.Store(test.appends)
				faulty.buries.Store(test.buries)
				cfg.Log = faulty
			})
			b.send(t, traffic()...)
			b.settled(t, good, bad)
			// One more, so that what may still be delivered again has been.
			b.send(t, registration("p-100", "010-1234-0100"))
			b.settled(t, good+1, bad)
			b.inOrder(t)
			if faulty.appends.Load() > 0 || faulty.buries.Load() > 0 {
				t.Error("the database did not fail as often as it should have")
			}
			// However often a frame fails: one line when it begins, one when it ends. The
			// frame whose append failed need not be the one whose burial fails.
			log, outages := b.lines.String(), int(faulty.outages.Load())
			if errors, all := strings.Count(log, "level=ERROR"), strings.Count(log, "ingest: frames "); errors != outages || all != 2*outages {
				t.Errorf("%d errors were logged of %d outages, %d lines:\n%s", errors, outages, all, log)
			}
		})
	}
}

// brokenLog breaks an invariant at its first append.
type brokenLog struct{ do func() error }

func (l brokenLog) Begin(context.Context, []events.Draft, ...events.Reading) func() (events.Receipt, error) {
	return func() (events.Receipt, error) { return events.Receipt{}, l.do() }
}

// TestBrokenInvariantEndsTheRouter: rather stop than go on with a log that is
// not what it should be.
func TestBrokenInvariantEndsTheRouter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		do   func() error
		want error
	}{
		{"corrupt", func() error { return fmt.Errorf("append: %w", events.ErrCorrupt) }, events.ErrCorrupt},
		{"gap", func() error { return fmt.Errorf("append: %w", events.ErrGap) }, events.ErrGap},
		{"panic", func() error { panic("assertion failed") }, events.ErrCorrupt},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(cfg *bus.Ingest) { cfg.Appender = brokenLog{test.do} })
			b.send(t, registration("p-1", "010-1234-0001"))
			select {
			case err := <-b.ended:
				if !errors.Is(err, test.want) {
					t.Errorf("the router ended with %v, want %v", err, test.want)
				}
			case <-time.After(patience):
				t.Error("the router goes on")
			}
		})
	}
}

func TestNewRouterNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	for _, cfg := range []bus.Config{{}, {Logger: logger}, {Logger: logger, Ingest: &bus.Ingest{}}, {Logger: logger, Poll: &bus.Poll{}}} {
		if _, err := bus.NewRouter(cfg); err == nil || !strings.Contains(err.Error(), "required") {
			t.Errorf("error is %v", err)
		}
	}
}
