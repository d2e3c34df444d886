package kafka_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"jangbu/events"
	"jangbu/events/bus/kafka"
)

func TestSessionBeginsWhereTheLogSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ log, group, want int64 }{
		"the log is empty, the group is at the end": {log: -1, group: 10, want: 0},
		"the log is empty, the group new":           {log: -1, group: -1, want: 0},
		"the log is behind the group":               {log: 3, group: 7, want: 3},
		"the log is ahead of the group":             {log: 7, group: 3, want: 7},
		"the group is new":                          {log: 5, group: -1, want: 5},
		"the group is beyond the end":               {log: 4, group: 99, want: 4},
		"both are at the end":                       {log: 10, group: 10, want: 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, 1, func(t *testing.T, b *bundle) {
				b.produce(t, "r", 10)
				if test.log >= 0 {
					b.readTo(t, test.log)
				}
				if test.group >= 0 {
					var at kadm.Offsets
					at.AddOffset(b.topic, 0, test.group, -1)
					if err := b.admin.CommitAllOffsets(t.Context(), b.group(), at); err != nil {
						t.Fatal(err)
					}
				}
				frames, _ := b.subscribe(t)
				b.produce(t, "last", 1)
				_, f := receive(t, frames)
				if got := f.Records[0].Offset; got != test.want {
					t.Errorf("begins at %d, want %d", got, test.want)
				}
				if id := b.topicID(t); f.TopicID != id || id == (events.TopicID{}) {
					t.Errorf("the frame's topic has ID %v, want %v", f.TopicID, id)
				}
				b.wantSource(t, max(test.log, 0), 0, 0)
			})
		})
	}
}

func TestGapOfRetentionIsCounted(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		log := b.logged()
		b.produce(t, "r", 30)
		b.readTo(t, 10)
		b.expire(t, 25)
		frames, closeIt := b.subscribe(t)
		if first := b.receiveAll(t, frames, 5)[0][0].Offset; first != 25 {
			t.Errorf("goes on at %d", first)
		}
		b.wantSource(t, 30, 1, 15)
		log.wantErrors(t, "records were deleted from the topic before they were read: going on with the first one that is left")

		closeIt()
		frames, _ = b.subscribe(t)
		b.produce(t, "r", 1)
		b.receiveAll(t, frames, 1)
		b.wantSource(t, 31, 1, 15) // counted once
	})
}

// TestRetentionPassesARunningSession: the partition's handler is slower than retention.
func TestRetentionPassesARunningSession(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		log := b.logged()
		frames, _ := b.subscribe(t)
		const records = 8000 // more than the subscriber fetches ahead
		all := b.recordsNamed("r", records)
		for i := range all {
			all[i].Value = make([]byte, 1<<10)
		}
		if err := b.producer.Produce(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		slow, f := receive(t, frames)
		if f.Records[0].Offset != 0 {
			t.Fatalf("begins at %d", f.Records[0].Offset)
		}
		b.expire(t, records)
		b.produce(t, "after", 3)
		b.read(t, slow, f)
		next := f.Next()
		var skipped int64
		for next < records+3 {
			msg, f := receive(t, frames)
			first := f.Records[0].Offset
			if first > next {
				skipped += first - next
			} else if first < next {
				t.Fatalf("offset %d comes after %d", first, next-1)
			}
			next = f.Next()
			b.read(t, msg, f)
		}
		if skipped == 0 {
			t.Fatal("all was fetched ahead: retention passed nothing")
		}
		b.wantSource(t, records+3, 1, skipped)
		log.wantErrors(t, "records were deleted from the topic before they were read: going on with the first one that is left")
	})
}

// TestRetentionPassesTheBeginningOfASession: the first record is deleted after the session
// has looked at the partition, and before it reads.
func TestRetentionPassesTheBeginningOfASession(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		b.produce(t, "r", 10)
		b.readTo(t, 2)
		b.cfg.Log = listening{b.log, sync.OnceFunc(func() { b.expire(t, 7) })}
		frames, _ := b.subscribe(t)
		b.receiveAll(t, frames, 3)
		b.wantSource(t, 10, 1, 5)
	})
}

// listening is a log that calls asked each time that its sources are asked for.
type listening struct {
	events.Log
	asked func()
}

func (l listening) Sources() events.Sources {
	l.asked()
	return l.Log.Sources()
}

// TestWhatWasFetchedIsDelivered: a claim that ends because the brokers no longer have its
// next record loses none of those that it has.
func TestWhatWasFetchedIsDelivered(t *testing.T) {
	t.Parallel()
	const topic, records = "participant-registered", 6000
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var expired atomic.Bool
	var refused atomic.Int64 // the offset of the fetch that finds the record gone
	cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		for _, t := range req.(*kmsg.FetchRequest).Topics {
			for _, p := range t.Partitions {
				if expired.Load() && p.FetchOffset < records {
					refused.Store(p.FetchOffset)
				}
			}
		}
		return nil, nil, false
	})
	b := on(t, cluster.ListenAddrs()[0], topic, "jangbu")
	all := b.recordsNamed("r", records)
	for i := range all {
		all[i].Value = make([]byte, 1<<10)
	}
	if err := b.producer.Produce(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	frames, _ := b.subscribe(t)
	msg, f := receive(t, frames)
	b.expire(t, records)
	expired.Store(true)
	b.read(t, msg, f)
	eventually(t, "the gap is counted", func() bool {
		b.readWaiting(t, frames)
		return b.sources(t)[0].Gaps == 1
	})
	b.wantSource(t, records, 1, records-refused.Load())
}

func TestTopicMadeAnewIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		n    int // records of the new topic; the old one had 10
	}{{"shorter than the old one", 3}, {"longer than the old one", 25}} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, while running %v", test.name, running), func(t *testing.T) {
				t.Parallel()
				onBoth(t, 1, func(t *testing.T, b *bundle) {
					log := b.logged()
					b.produce(t, "old", 10)
					frames, closeIt := b.subscribe(t)
					b.receiveAll(t, frames, 10)
					old := b.topicID(t)
					if !running {
						closeIt()
					}
					b.makeAnew(t, test.n)
					if !running {
						frames, _ = b.subscribe(t)
					}
					// Until the change is noticed the new topic is read on at the old offset.
					seen := make(map[string]bool)
					for len(seen) < test.n {
						msg, f := receive(t, frames)
						for _, r := range f.Records {
							seen[string(r.Value)] = true
						}
						b.read(t, msg, f)
					}
					eventually(t, "the log has the new topic", func() bool {
						b.readWaiting(t, frames) // its records may come in several
						s := b.sources(t)[0]
						return s.TopicID == b.topicID(t) && s.TopicID != old && s.Next == int64(test.n)
					})
					b.wantSource(t, int64(test.n), 1, 0)
					// Meanwhile there was no topic, which may be logged too.
					if n := strings.Count(log.String(), "topic was deleted and made anew: reading the new one from its beginning"); n != 1 {
						t.Errorf("the gap was logged %d times:\n%s", n, log)
					}
				})
			})
		}
	}
}

// A broker that was restored from a backup has records at offsets that others had.
func TestPartitionThatLostItsEndIsReadAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		log := b.logged()
		b.produce(t, "r", 5)
		b.readTo(t, 100)
		frames, _ := b.subscribe(t)
		b.receiveAll(t, frames, 5)
		b.wantSource(t, 5, 1, 0)
		log.wantErrors(t, "brokers lost the end of a partition: reading it again from its beginning")
	})
}

func TestNewPartitionsAreFound(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		frames := make(chan *message.Message)
		for range 4 { // of which three have nothing to read yet, of which one is likely to lead the group
			of, _ := b.subscribe(t)
			go func() {
				for msg := range of {
					select {
					case frames <- msg:
					case <-t.Context().Done():
					}
				}
			}()
		}
		b.produce(t, "before", 10)
		b.receiveAll(t, frames, 10)
		if _, err := b.admin.UpdatePartitions(t.Context(), 3, b.topic); err != nil {
			t.Fatal(err)
		}
		added := time.Now()
		eventually(t, "the broker has the new partitions", func() bool {
			has, err := kafka.Describe(t.Context(), b.cfg, b.topic)
			return err == nil && len(has[b.topic].Partitions) == 3
		})
		producer, err := kafka.NewProducer(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = producer.Close() }()
		if err := producer.Produce(t.Context(), b.recordsNamed("after", 100)); err != nil {
			t.Fatal(err)
		}
		if got := b.receiveAll(t, frames, 100); len(got) != 3 {
			t.Errorf("records of %d partitions came", len(got))
		}
		t.Logf("read %v after they were added", time.Since(added))
		if took := time.Since(added); took > 10*time.Second {
			t.Errorf("new partitions are read after %v", took)
		}
	})
}

// A log that goes back under a running session, as a restored copy does, is read to again
// from where it ends: at once where nothing else comes, and without passing over a record
// where something does (I13).
func TestLogGoesBackUnderASession(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]int{"idle": 0, "busy": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, 1, func(t *testing.T, b *bundle) {
				b.produce(t, "r", 30)
				frames, _ := b.subscribe(t)
				b.receiveAll(t, frames, 30)
				source := events.Source{Topic: b.topic, TopicID: b.topicID(t)}
				if err := b.log.Sources().Skip(t.Context(), source, 10, 0); err != nil {
					t.Fatal(err)
				}
				b.produce(t, "more", more)
				for next := int64(10); next < int64(30+more); {
					msg, f := receive(t, frames)
					_, err := b.log.Append(t.Context(), nil, events.Reading{Source: source, First: f.First, Next: f.Next()})
					if errors.Is(err, events.ErrBehind) {
						msg.Nack()
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if f.First > next {
						t.Fatalf("the log is at offset %d and takes a frame from %d", next, f.First)
					}
					next = f.Next()
					msg.Ack()
				}
				b.wantSource(t, int64(30+more), 1, 0)
			})
		})
	}
}

// TestTwoOwnersOfOnePartition: a member that lost its partitions finishes its frames late.
func TestTwoOwnersOfOnePartition(t *testing.T) {
	t.Parallel()
	const partitions, records = 4, 200
	onBoth(t, partitions, func(t *testing.T, b *bundle) {
		all := make([]events.Record, records)
		for i := range all {
			all[i] = events.Record{
				Topic: b.topic, Key: fmt.Append(nil, i),
				Value: fmt.Appendf(nil, `{"eventId":"evt-%d","distributedChannels":["naver"],"completedAt":"2026-01-02T03:04:05Z"}`, i),
			}
		}
		if err := b.producer.Produce(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		first, _ := b.subscribe(t)
		late := make(map[int32]*message.Message)
		for len(late) < partitions {
			msg, f := receive(t, first)
			late[f.Partition] = msg
		}
		second, closeSecond := b.subscribe(t)
		taken := make(map[int32]int64)
		for len(taken) < partitions/2 {
			msg, f := receive(t, second)
			b.append(t, f)
			msg.Ack()
			taken[f.Partition] = f.Next()
		}
		for _, msg := range late { // of all partitions, whether they are still the first one's or not
			f, err := events.DecodeFrame(msg.Payload)
			if err != nil {
				t.Fatal(err)
			}
			b.append(t, f)
			msg.Ack()
		}
		for _, s := range b.sources(t) {
			if s.Next < taken[s.Partition] {
				t.Errorf("partition %d goes on at %d, although it was read to %d", s.Partition, s.Next, taken[s.Partition])
			}
		}
		// Whichever process has the partitions now, each record becomes one event.
		closeSecond()
		eventually(t, "all records are events", func() bool {
			select {
			case msg := <-first:
				f, err := events.DecodeFrame(msg.Payload)
				if err != nil {
					t.Fatal(err)
				}
				b.append(t, f)
				msg.Ack()
			default:
			}
			totals, err := b.log.Totals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return totals.Head == records
		})
		var sum int64
		for _, s := range b.sources(t) {
			sum += s.Next
		}
		if sum != records {
			t.Errorf("sources were read to %d in sum, want %d", sum, records)
		}
	})
}

// append writes the frame's records to the log, as their handler does.
func (b *bundle) append(t *testing.T, f events.Frame) {
	t.Helper()
	drafts := make([]events.Draft, len(f.Records))
	for i, r := range f.Records {
		d, err := events.Decode(events.TypeDistributionCompleted, r, r.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		drafts[i] = d.Draft
	}
	_, err := b.log.Append(t.Context(), drafts, events.Reading{
		Source: events.Source{Topic: f.Topic, TopicID: f.TopicID, Partition: f.Partition}, First: f.First, Next: f.Next(), To: len(drafts),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readTo writes to the log that partition 0 was read up to an offset.
func (b *bundle) readTo(t *testing.T, next int64) {
	t.Helper()
	source := events.Source{Topic: b.topic, TopicID: b.topicID(t)}
	if _, err := b.log.Append(t.Context(), nil, events.Reading{Source: source, Next: next}); err != nil {
		t.Fatal(err)
	}
}

// wantSource checks what the log knows of partition 0.
func (b *bundle) wantSource(t *testing.T, next, gaps, lost int64) {
	t.Helper()
	source := events.Source{Topic: b.topic, TopicID: b.topicID(t)}
	want := []events.SourceState{{Source: source, Next: next, Gaps: gaps, Lost: lost}}
	if diff := cmp.Diff(want, b.sources(t)); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

// expire deletes the records before an offset of partition 0, as retention does.
func (b *bundle) expire(t *testing.T, before int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(b.topic, 0, before, -1)
	if _, err := b.admin.DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
}

// makeAnew deletes the topic and creates it again, with n records.
func (b *bundle) makeAnew(t *testing.T, n int) {
	t.Helper()
	old, none := b.topicID(t), events.TopicID{}
	if _, err := b.admin.DeleteTopics(t.Context(), b.topic); err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(t.Context(), b.cfg, 1, b.topic); err != nil {
		t.Fatal(err)
	}
	// A broker learns of what the controller did a moment later.
	eventually(t, "the broker has the new topic", func() bool { id := b.topicID(t); return id != old && id != none })
	producer, err := kafka.NewProducer(b.cfg) // one that does not know the old topic
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	if err := producer.Produce(t.Context(), b.recordsNamed("new", n)); err != nil {
		t.Fatal(err)
	}
}

// logged has later subscribers log to the returned lines.
func (b *bundle) logged() *lines {
	var log lines
	b.cfg.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	return &log
}

// wantErrors checks the messages at level ERROR.
func (l *lines) wantErrors(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for line := range bytes.Lines([]byte(l.String())) {
		var entry struct{ Level, Msg string }
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Level == "ERROR" {
			got = append(got, entry.Msg)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors that were logged (-want +got):\n%s\n%s", diff, l.String())
	}
}
