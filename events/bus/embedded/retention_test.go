package embedded_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events/bus/embedded"
)

// retained is a broker with a topic of one partition.
type retained struct {
	*testing.T
	dir    string
	broker *embedded.Broker
	all    embedded.Held // that the partition is held, up to offset 0
}

func startRetained(t *testing.T) *retained {
	t.Helper()
	r := &retained{T: t, dir: t.TempDir()}
	r.start()
	return r
}

func (r *retained) start() {
	r.Helper()
	r.broker = start(r.T, embedded.Config{DataDir: r.dir, Topics: []string{"topic"}, Partitions: 1})
	topics, err := admin(r.T, r.broker.Addr()).ListTopics(r.Context(), "topic")
	if err != nil {
		r.Fatal(err)
	}
	r.all = embedded.Held{Topic: "topic", TopicID: topics["topic"].ID}
}

// upTo returns that the partition is held before an offset.
func (r *retained) upTo(next int64) embedded.Held {
	h := r.all
	h.Next = next
	return h
}

func (r *retained) produce(records, size int) {
	r.Helper()
	client := newClient(r.T, r.broker.Addr(), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(2<<20))
	defer client.Close()
	for range records {
		value := make([]byte, size)
		_, _ = rand.Read(value)
		if err := client.ProduceSync(r.Context(), &kgo.Record{Topic: "topic", Value: value}).FirstErr(); err != nil {
			r.Fatal(err)
		}
	}
}

// wantEnds compares the first offset that is there, and the next one, of a broker.
func wantEnds(t *testing.T, b *embedded.Broker, first, next int64) {
	t.Helper()
	starts, err := admin(t, b.Addr()).ListStartOffsets(t.Context(), "topic")
	if err != nil {
		t.Fatal(err)
	}
	after, err := admin(t, b.Addr()).ListEndOffsets(t.Context(), "topic")
	if err != nil {
		t.Fatal(err)
	}
	from, _ := starts.Lookup("topic", 0)
	to, _ := after.Lookup("topic", 0)
	if from.Offset != first || to.Offset != next {
		t.Errorf("offsets %d to %d are there, want %d to %d", from.Offset, to.Offset, first, next)
	}
}

// wantSize compares the bytes of the files of records with a bound, in MiB.
func (r *retained) wantSize(least, most int64) {
	r.Helper()
	size := int64(0)
	err := filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".dat" {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	if size < least<<20 || size > most<<20 {
		r.Errorf("the files have %d bytes, want %d to %d MiB", size, least, most)
	}
}

// killed starts a broker on a copy of the directory, which is what a kill would leave.
func (r *retained) killed() *embedded.Broker {
	r.Helper()
	dir := filepath.Join(r.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(r.dir)); err != nil {
		r.Fatal(err)
	}
	return start(r.T, embedded.Config{DataDir: dir, Topics: []string{"topic"}, Partitions: 1})
}

func noon() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }

// TestRetention: what has been held for long enough goes, with its files, and nothing else does; a
// broker that is killed goes on at the same offset.
func TestRetention(t *testing.T) {
	t.Parallel()
	r := startRetained(t)
	const day = 24 * time.Hour
	at := func(since time.Duration, next int64) {
		r.broker.RetainAt(t.Context(), noon().Add(since), day, r.upTo(next))
	}
	r.produce(30, 1<<20-1024)
	at(0, 20)
	at(time.Hour, 25)
	at(day-time.Second, 30)
	wantEnds(t, r.broker, 0, 30)
	at(day, 30)
	wantEnds(t, r.broker, 20, 30)
	r.wantSize(10, 15)
	r.broker.Close()
	r.start() // it remembers since when what is held
	at(day+time.Hour, 30)
	wantEnds(t, r.broker, 25, 30)
	at(3*day, 30) // all of it
	wantEnds(t, r.broker, 29, 30)
	r.wantSize(0, 8)
	killed := r.killed()
	wantEnds(t, killed, 27, 30) // some of the oldest file are back
	r.produce(1, 10)
	wantEnds(t, r.broker, 29, 31)
}

// TestRetentionOfWhatIsNotHeld: nothing goes that is not held when it would go, though it was held
// before, and nothing of another topic of the name.
func TestRetentionOfWhatIsNotHeld(t *testing.T) {
	t.Parallel()
	r := startRetained(t)
	r.produce(4, 10)
	step := func(since time.Duration, held ...embedded.Held) {
		r.broker.RetainAt(t.Context(), noon().Add(since), time.Hour, held...)
	}
	other := r.upTo(4)
	other.TopicID[0]++
	step(0, r.upTo(4))
	step(time.Hour)
	wantEnds(t, r.broker, 0, 4)
	step(2*time.Hour, r.upTo(4))
	step(3*time.Hour, other)
	wantEnds(t, r.broker, 0, 4)
	step(4*time.Hour, other) // it was held for an hour
	wantEnds(t, r.broker, 0, 4)
	step(5*time.Hour, r.upTo(4))
	step(6*time.Hour, r.upTo(2)) // the log went back
	wantEnds(t, r.broker, 2, 4)
	step(7*time.Hour, r.upTo(1))
	wantEnds(t, r.broker, 2, 4)
}

// TestRetentionAtEachStart: a process that is started ever again does not note more than one that
// runs, and one whose notes are damaged deletes later.
func TestRetentionAtEachStart(t *testing.T) {
	t.Parallel()
	r := startRetained(t)
	r.produce(2, 10)
	notes := filepath.Join(r.dir, "retention.json")
	for second := range 1_000 {
		r.broker.RetainAt(t.Context(), noon().Add(time.Duration(second)*time.Second), time.Hour, r.upTo(1))
	}
	text, err := os.ReadFile(notes)
	if n := strings.Count(string(text), `"at"`); err != nil || n < 10 || n > 20 {
		t.Errorf("%d notes in 1,000 s of an hour: %v", n, err)
	}
	if err := os.WriteFile(notes, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	r.broker.RetainAt(t.Context(), noon().Add(time.Hour), time.Hour, r.upTo(1))
	wantEnds(t, r.broker, 0, 2)
	r.broker.RetainAt(t.Context(), noon().Add(2*time.Hour), time.Hour, r.upTo(1))
	wantEnds(t, r.broker, 1, 2)
}

// TestRetain: it goes on by itself, also after what is held was not known.
func TestRetain(t *testing.T) {
	t.Parallel()
	r := startRetained(t)
	r.produce(3, 10)
	asked := 0
	ctx, cancel := context.WithCancel(t.Context())
	r.broker.Retain(ctx, 20*time.Millisecond, func(context.Context) ([]embedded.Held, error) {
		switch asked++; {
		case asked%2 == 1:
			return nil, errors.New("the database is away")
		case asked > 200:
			cancel()
		}
		return []embedded.Held{r.upTo(2)}, nil
	})
	wantEnds(t, r.broker, 2, 3)
}
