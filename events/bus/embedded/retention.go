package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// segmentBytes is the size of the files in which a partition's records are. A file goes when
	// all of its records may.
	segmentBytes = 8 << 20
	// samples is how many times within the retention it is noted what is held: a record goes
	// that part of the retention later.
	samples = 24
	// retentionName is the file of the notes.
	retentionName = "retention.json"
)

// Held says that the records of a partition before an offset are held elsewhere.
type Held struct {
	Topic     string   `json:"topic"`
	TopicID   [16]byte `json:"topicId"`
	Partition int32    `json:"partition"`
	Next      int64    `json:"next"`
}

// sample is what was held at a time.
type sample struct {
	At   time.Time `json:"at"`
	Held []Held    `json:"held"`
}

// Retain deletes records that have been held elsewhere for as long as keep, until ctx ends. What
// is held it asks for each time, and deletes no record that is not held then, too. A broker with a
// data directory remembers there since when what is held. The last records of a partition stay:
// a broker that is killed counts on from them.
func (b *Broker) Retain(ctx context.Context, keep time.Duration, held func(context.Context) ([]Held, error)) {
	every := min(max(keep/samples, time.Millisecond), time.Hour)
	tick := time.NewTicker(every)
	defer tick.Stop()
	notes := b.notes(ctx)
	for {
		if now, err := held(ctx); err == nil { // else the next time
			notes = b.retain(ctx, notes, sample{time.Now(), now}, keep)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// retain deletes what was held at the last sample that is as old as keep, and is now. It returns
// the samples that are needed yet.
func (b *Broker) retain(ctx context.Context, notes []sample, now sample, keep time.Duration) []sample {
	if n := len(notes); n == 0 || now.At.Sub(notes[n-1].At) >= keep/samples/2 { // not one for each start
		notes = append(notes, now)
	}
	old := -1
	for i := range notes {
		if now.At.Sub(notes[i].At) >= keep {
			old = i
		}
	}
	if old >= 0 {
		for _, h := range notes[old].Held {
			b.delete(ctx, h, now.Held)
		}
		notes = notes[old+1:]
	}
	b.note(ctx, notes)
	return notes
}

// delete deletes the records of a partition that were held, of those that are held now.
func (b *Broker) delete(ctx context.Context, was Held, now []Held) {
	to := int64(0)
	for _, h := range now {
		if h.Topic == was.Topic && h.Partition == was.Partition && h.TopicID == was.TopicID {
			to = min(h.Next, was.Next)
		}
	}
	topic, partition := b.cluster.TopicInfo(was.Topic), b.cluster.PartitionInfo(was.Topic, was.Partition)
	if topic == nil || partition == nil || topic.TopicID != was.TopicID {
		return
	}
	// Without any record a broker that was killed would begin at offset 0 again.
	if to = min(to, partition.HighWatermark-1); to <= partition.LogStartOffset {
		return
	}
	if err := b.cluster.DeleteRecords(was.Topic, was.Partition, to); err != nil {
		b.logger.WarnContext(ctx, "embedded broker: records were not deleted", slog.String("topic", was.Topic), slog.Any("error", err))
	}
}

// notes reads what was noted before. Where it cannot be read, records stay longer.
func (b *Broker) notes(ctx context.Context) (notes []sample) {
	if b.dataDir == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(b.dataDir, retentionName))
	if err == nil {
		err = json.Unmarshal(text, &notes)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.logger.WarnContext(ctx, "embedded broker: the notes on what may be deleted begin anew", slog.Any("error", err))
		return nil
	}
	return notes
}

// note writes the samples. One that is lost lets records stay longer.
func (b *Broker) note(ctx context.Context, notes []sample) {
	if b.dataDir == "" {
		return
	}
	path := filepath.Join(b.dataDir, retentionName)
	text, err := json.Marshal(notes)
	if err == nil {
		err = os.WriteFile(path+".partial", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".partial", path)
	}
	if err != nil {
		b.logger.WarnContext(ctx, "embedded broker: what may be deleted was not noted", slog.Any("error", err))
	}
}
