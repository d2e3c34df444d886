package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"jangbu/events/bus/embedded"
)

// childDataDir tells the test binary to be a broker instead, one that a test
// can kill.
const childDataDir = "EMBEDDED_TEST_DATA_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDataDir); dir != "" {
		b, err := embedded.Start(context.Background(), embedded.Config{Listen: "127.0.0.1:0", DataDir: dir, Topics: []string{"topic"}})
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(b.Addr())
		select {}
	}
	goleak.VerifyTestMain(m)
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := make(map[string]bool)
	for round := range 3 { // the second and third kill hit a directory that was killed before
		child, addr := startChild(t, dir)
		if _, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", DataDir: dir}); !errors.Is(err, embedded.ErrInUse) {
			t.Fatalf("second process on the directory: error is %v", err)
		}
		client := newClient(t, addr)
		for i := range 200 {
			r := &kgo.Record{Topic: "topic", Key: fmt.Append(nil, i), Value: fmt.Appendf(nil, "%d-%d", round, i)}
			client.Produce(t.Context(), r, nil)
			want[string(r.Value)] = true
		}
		if err := client.Flush(t.Context()); err != nil { // every record is acknowledged
			t.Fatal(err)
		}
		commit(t, addr, int64(round+1))
		client.Close()
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
	}

	b := start(t, embedded.Config{DataDir: dir})
	if diff := cmp.Diff(want, values(t, b.Addr(), "topic", len(want))); diff != "" {
		t.Errorf("records after three kills (-acknowledged +there):\n%s", diff)
	}
	offsets, err := admin(t, b.Addr()).FetchOffsets(t.Context(), "group")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup("topic", 0); !ok || o.At != 3 {
		t.Errorf("committed offset is %v (there: %v), want 3", o.At, ok)
	}
}

func TestDataDirectoryHasOneOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, embedded.Config{DataDir: dir})
	_, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", DataDir: dir})
	if !errors.Is(err, embedded.ErrInUse) {
		t.Fatalf("second broker: error is %v", err)
	}
	first.Close()
	start(t, embedded.Config{DataDir: dir})
}

func TestTopicsAreAddedToAnOldDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, embedded.Config{DataDir: dir, Topics: []string{"old"}, Partitions: 3}).Close()
	b := start(t, embedded.Config{DataDir: dir, Topics: []string{"old", "new"}})

	details, err := admin(t, b.Addr()).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for name, d := range details {
		got[name] = len(d.Partitions)
	}
	if diff := cmp.Diff(map[string]int{"old": 3, "new": 12}, got); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
}

func TestTooLongRecordsAreTakenUpToALimit(t *testing.T) {
	t.Parallel()
	b := start(t, embedded.Config{Topics: []string{"topic"}})
	client := newClient(t, b.Addr(), kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	produce := func(size int) error {
		return client.ProduceSync(t.Context(), &kgo.Record{Topic: "topic", Value: make([]byte, size)}).FirstErr()
	}
	if err := produce(1<<20 + 1); err != nil {
		t.Errorf("a byte over 1 MiB: %v", err)
	}
	if err := produce(embedded.MaxBatchBytes); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("over MaxBatchBytes: error is %v", err)
	}
}

func TestUnknownTopicIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t, embedded.Config{Topics: []string{"topic"}})
	client := newClient(t, b.Addr(), kgo.UnknownTopicRetries(0), kgo.AllowAutoTopicCreation())
	err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "topci"}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("error is %v", err)
	}
}

func TestWithoutDirectoryNothingIsKept(t *testing.T) {
	t.Parallel()
	cfg := embedded.Config{Topics: []string{"topic"}, Partitions: 1}
	b := start(t, cfg)
	if err := newClient(t, b.Addr()).ProduceSync(t.Context(), &kgo.Record{Topic: "topic"}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b.Close() // twice is fine
	ends, err := admin(t, start(t, cfg).Addr()).ListEndOffsets(t.Context(), "topic")
	if err != nil {
		t.Fatal(err)
	}
	if o, _ := ends.Lookup("topic", 0); o.Offset != 0 {
		t.Errorf("the topic ends at %d, want 0", o.Offset)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]embedded.Config{
		"no port":             {Listen: "127.0.0.1"},
		"no host":             {Listen: ":9092"},
		"every IPv4 address":  {Listen: "0.0.0.0:9092"},
		"every IPv6 address":  {Listen: "[::]:9092"},
		"negative partitions": {Listen: "127.0.0.1:0", Partitions: -1},
		"topics that collide": {Listen: "127.0.0.1:0", Topics: []string{"a.b", "a_b"}},
	} {
		b, err := embedded.Start(t.Context(), cfg)
		if err == nil {
			b.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func start(t testing.TB, cfg embedded.Config) *embedded.Broker {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	b, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func startChild(t *testing.T, dir string) (child *exec.Cmd, addr string) {
	t.Helper()
	child = exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDataDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err = bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(addr, "error") {
		t.Fatalf("child says %q (%v)", addr, err)
	}
	return child, strings.TrimSpace(addr)
}

func newClient(t testing.TB, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func admin(t testing.TB, addr string) *kadm.Client {
	t.Helper()
	return kadm.NewClient(newClient(t, addr))
}

func commit(t testing.TB, addr string, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset("topic", 0, offset, -1)
	if err := admin(t, addr).CommitAllOffsets(t.Context(), "group", offsets); err != nil {
		t.Fatal(err)
	}
}

// values reads the topic from its beginning until it has n records.
func values(t testing.TB, addr, topic string, n int) map[string]bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	client := newClient(t, addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	got := make(map[string]bool)
	for len(got) < n && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got[string(r.Value)] = true })
	}
	return got
}
