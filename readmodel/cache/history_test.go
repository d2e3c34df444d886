package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// restore puts an older copy of the store in its place: its revision is lower by some
// positions, and the rows of the campaigns are what they were then, a version of their own.
func (b *testBundle) restore(back int, campaigns ...events.Campaign) int64 {
	b.Helper()
	b.world.become(func(r *readmodel.Revision) { r.Position -= events.Position(back) }, campaigns...)
	return b.world.at(campaigns[0], readmodel.Revision{Incarnation: 1 << 62})
}

// term is what the store becomes as a leader's term begins.
func (b *testBundle) term() {
	b.world.become(func(r *readmodel.Revision) { r.Incarnation = max(r.Incarnation+1, time.Now().UnixMicro()) })
}

// TestLostHistoryIsNotBelieved: an older copy of the store takes its place while Redis holds
// values of the history that is lost, and reaches their revisions again with other rows (I13).
func TestLostHistoryIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, goesOn := range map[string]bool{"by processes that started since": false, "by processes that went on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *testBundle) {
				process := b.open()
				for range 10 {
					process.Committed(b.world.commit("evt-1", "evt-2"))
					b.reads(process, "evt-1", 300*time.Millisecond)
					b.read(process, "evt-2")
				}
				time.Sleep(time.Second) // Redis has them
				if !goesOn {
					process.Close()
				}
				want := b.restore(15, "evt-1", "evt-2")
				readers := []*cache.Cache{b.open(), b.open()}
				if goesOn {
					time.Sleep(250 * time.Millisecond)
					readers = append(readers, process)
				}
				check := func(when string) {
					b.Helper()
					for i, p := range readers {
						for _, c := range []events.Campaign{"evt-1", "evt-2"} {
							if got := b.read(p, c); got != want {
								b.Errorf("%s, process %d: commit %d of %s is served, want %d", when, i, got, c, want)
							}
						}
					}
				}
				for range 20 {
					check("before a term")
					time.Sleep(100 * time.Millisecond)
				}
				// What is true has taken the place of what is lost.
				before := b.world.readsOf("evt-1")
				late := b.open()
				readers = append(readers, late)
				_, _ = late.Campaign(b.Context(), "none", readmodel.Everything()) // its polls begin
				time.Sleep(time.Second)
				check("late")
				if got := b.world.readsOf("evt-1"); got > before {
					b.Errorf("the rows were read %d times more: Redis keeps what is lost", got-before)
				}

				b.term()
				time.Sleep(250 * time.Millisecond)
				for range 20 { // to where the lost history stood, and beyond
					readers[0].Committed(b.world.commit("evt-9"))
					check("in the next term")
					time.Sleep(50 * time.Millisecond)
				}
				for _, p := range []*cache.Cache{b.open(), readers[1]} {
					if got := b.read(p, "evt-2"); got != want {
						b.Errorf("commit %d is served at last, want %d", got, want)
					}
				}
			})
		})
	}
}

// TestAReadFindsThatTheStoreWentBack before the next poll does.
func TestAReadFindsThatTheStoreWentBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		process := b.open()
		for range 5 {
			process.Committed(b.world.commit("evt-1", "evt-2"))
		}
		b.reads(process, "evt-1", time.Second)
		rows, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything())
		if err != nil {
			b.Fatal(err)
		}
		synctest.Wait()
		want := b.restore(10, "evt-1", "evt-2")
		b.read(process, "evt-2") // that was not read before
		if got := b.read(process, "evt-1"); got != want {
			b.Errorf("commit %d is served, want %d", got, want)
		}
		if process.Current("evt-1", rows.Revision) {
			b.Error("rows of the lost history are current")
		}
		time.Sleep(time.Second)
		if process.Current("evt-1", rows.Revision) {
			b.Error("rows of the lost history are current once more")
		}
	})
}

// TestATermMakesCachesColdOnce, and watchers get no more than signals.
func TestATermMakesCachesColdOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		process := b.open()
		b.reads(process, "evt-1", time.Second)
		before := b.world.readsOf("evt-1")
		b.term()
		for range 10 {
			b.reads(process, "evt-1", time.Second)
		}
		b.wantReads("evt-1", before+1)
	})
}
