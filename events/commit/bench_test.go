package commit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/commit"
)

// pacedLog commits one transaction at a time and takes as long as a real disk.
type pacedLog struct {
	mu           sync.Mutex
	transactions int
	commit       time.Duration
	perDraft     time.Duration
}

func (l *pacedLog) Append(_ context.Context, drafts []events.Draft, _ ...events.Reading) (events.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.transactions++
	time.Sleep(l.commit + time.Duration(len(drafts))*l.perDraft)
	outcomes := make([]events.Outcome, len(drafts))
	for i := range outcomes {
		outcomes[i] = events.Appended
	}
	return events.Receipt{Outcomes: outcomes}, nil
}

// BenchmarkAppend is 12 partitions whose handlers append frames of 100 records
// to a log that commits in 3 ms, bare and with group commit.
func BenchmarkAppend(b *testing.B) {
	const partitions, frame = 12, 100
	for _, grouped := range []bool{false, true} {
		b.Run(fmt.Sprintf("grouped=%t", grouped), func(b *testing.B) {
			log := &pacedLog{commit: 3 * time.Millisecond, perDraft: 7 * time.Microsecond}
			var appender events.Appender = log
			if grouped {
				joined := commit.New(log, commit.Options{})
				defer joined.Close()
				appender = joined
			}
			frames := make(chan []events.Draft)
			var handlers sync.WaitGroup
			for range partitions {
				handlers.Go(func() {
					for drafts := range frames {
						if _, err := appender.Append(b.Context(), drafts); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for b.Loop() {
				frames <- make([]events.Draft, frame)
			}
			close(frames)
			handlers.Wait()
			b.ReportMetric(float64(b.N*frame)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.N*frame)/float64(log.transactions), "events/transaction")
		})
	}
}
