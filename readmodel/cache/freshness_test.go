package cache_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

func TestCurrent(t *testing.T) {
	t.Parallel()
	revision := func(b *testBundle, process *cache.Cache) readmodel.Revision {
		b.Helper()
		rows, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything())
		if err != nil {
			b.Fatal(err)
		}
		synctest.Wait() // the first read has begun the polls
		return rows.Revision
	}

	t.Run("it is true for as long as nothing changes and there are calls", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open()
			at := revision(b, process)
			for range 100 {
				time.Sleep(100 * time.Millisecond)
				if !process.Current("evt-1", at) {
					b.Fatal("unchanged rows are not current")
				}
				process.Committed(b.world.commit("evt-2"))
			}
			// It counts as a read: what only it asks for is neither dropped nor read again.
			time.Sleep(time.Millisecond)
			b.wantReads("evt-1", 1)
			if got := process.Stats().Entries; got != 1 {
				b.Errorf("%d entries, want the one that is asked for", got)
			}
		})
	})

	t.Run("it is false soon after a change, for the old rows", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open()
			at := revision(b, process)
			process.Committed(b.world.commit("evt-1"))
			time.Sleep(100 * time.Millisecond)
			if process.Current("evt-1", at) {
				b.Error("the rows from before are current after the refresh")
			}
			if now := revision(b, process); !process.Current("evt-1", now) || now == at {
				b.Errorf("the rows of revision %v are not current", now)
			}
		})
	})

	t.Run("it is false after the bound where nothing is known", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open(without)
			at := revision(b, process)
			synctest.Wait()
			b.world.failing(errors.New("broken"))
			time.Sleep(cache.DefaultBound)
			if !process.Current("evt-1", at) {
				b.Error("not current within the bound")
			}
			time.Sleep(time.Nanosecond)
			if process.Current("evt-1", at) {
				b.Error("current beyond the bound")
			}
		})
	})

	t.Run("it needs no entry", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open(without)
			at := revision(b, process)
			synctest.Wait()
			process.Forget("evt-1")
			if !process.Current("evt-1", at) {
				b.Error("not current without an entry")
			}
			process.Committed(b.world.commit("evt-1"))
			b.reads(process, "evt-2", 0)
			time.Sleep(cache.DefaultBound + time.Millisecond)
			if process.Current("evt-1", at) {
				b.Error("current after a change")
			}
		})
	})
}

func TestWatch(t *testing.T) {
	t.Parallel()
	signalled := func(ch <-chan struct{}) bool {
		synctest.Wait()
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	// setUp watches a campaign whose rows are here.
	setUp := func(b *testBundle, change ...func(*cache.Config)) (*cache.Cache, <-chan struct{}, func()) {
		b.Helper()
		b.world.commit("evt-1", "evt-2")
		process := b.open(change...)
		changed, stop := process.Watch("evt-1")
		b.read(process, "evt-1")
		time.Sleep(time.Second)
		for signalled(changed) {
			continue
		}
		return process, changed, stop
	}

	t.Run("nothing is said while nothing changes", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			process, changed, _ := setUp(b)
			for range 20 {
				process.Committed(b.world.commit("evt-2"))
				time.Sleep(time.Second)
			}
			if signalled(changed) {
				b.Error("signalled though only another campaign has changed")
			}
		})
	})

	t.Run("a change is signalled, and again once it can be read", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			process, changed, _ := setUp(b)
			b.world.delay = func() (before, after time.Duration) { return 100 * time.Millisecond, 0 }
			process.Committed(b.world.commit("evt-1"))
			if !signalled(changed) {
				b.Fatal("not signalled")
			}
			if got := b.read(process, "evt-1"); got != 1 {
				b.Errorf("commit %d is served, want the one from before", got)
			}
			time.Sleep(200 * time.Millisecond)
			if !signalled(changed) {
				b.Fatal("not signalled again")
			}
			if got := b.read(process, "evt-1"); got != 2 {
				b.Errorf("commit %d is served, want 2", got)
			}
			if signalled(changed) {
				b.Error("signalled once more")
			}
		})
	})

	t.Run("many changes are one signal", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			process, changed, _ := setUp(b, without)
			for range 10 {
				process.Committed(b.world.commit("evt-1"))
			}
			time.Sleep(time.Second)
			if !signalled(changed) || signalled(changed) {
				b.Error("want one signal")
			}
		})
	})

	for name, change := range map[string]func(*testBundle, *cache.Cache){
		"a commit without a notice": func(b *testBundle, _ *cache.Cache) {
			b.world.commit("evt-1")
		},
		"a notice that is missing": func(b *testBundle, process *cache.Cache) {
			b.world.commit("evt-1")
			process.Committed(b.world.commit("evt-2"))
		},
		"another generation": func(b *testBundle, _ *cache.Cache) {
			b.world.become(func(r *readmodel.Revision) { r.Edits++ }, "evt-1")
		},
		"another store": func(b *testBundle, _ *cache.Cache) {
			b.world.become(func(r *readmodel.Revision) { r.Incarnation++ }, "evt-1")
		},
		"a notice that names too many": func(b *testBundle, process *cache.Cache) {
			many := make([]events.Campaign, cache.MaxNamed+1)
			many[0] = "evt-1"
			process.Committed(b.world.commit(many...))
		},
		"a refresh that fails at first": func(b *testBundle, process *cache.Cache) {
			b.world.failing(errors.New("broken"))
			process.Committed(b.world.commit("evt-1"))
			time.Sleep(3 * time.Second)
			b.world.failing(nil)
		},
	} {
		t.Run(name+" is found without reads", func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *testBundle) {
				process, changed, _ := setUp(b)
				time.Sleep(time.Minute)
				change(b, process)
				time.Sleep(time.Second)
				if !signalled(changed) {
					b.Error("not signalled")
				}
				if got := b.read(process, "evt-1"); got != 2 {
					b.Errorf("commit %d is served, want 2", got)
				}
			})
		})
	}

	t.Run("it ends", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			process, changed, stop := setUp(b)
			other, stopOther := process.Watch("evt-1")
			defer stopOther()
			stop()
			stop()
			process.Committed(b.world.commit("evt-1"))
			time.Sleep(time.Second)
			if signalled(changed) || !signalled(other) {
				b.Error("want a signal to the watch that goes on, and none to the one that ended")
			}
		})
	})
}

// TestStoreThatWentBack breaks the contract of revisions: the last commits are lost.
func TestStoreThatWentBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		b.world.commit("evt-1")
		process := b.open(without)
		b.reads(process, "evt-1", time.Second)
		b.world.become(func(r *readmodel.Revision) { r.Position -= 5 }, "evt-1")
		time.Sleep(250 * time.Millisecond)
		if got := b.read(process, "evt-1"); got != 3 {
			b.Errorf("commit %d is served, want what is there now", got)
		}
		if got := process.Stats().Gaps; got != 1 {
			b.Errorf("%d gaps, want 1", got)
		}
	})
}

// TestAnotherStoreIsKeptToo: once a store was made anew, all is as before.
func TestAnotherStoreIsKeptToo(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		process := b.open(without)
		b.reads(process, "evt-1", time.Second)
		b.world.become(func(r *readmodel.Revision) { *r = readmodel.Revision{Incarnation: r.Incarnation + 1} }, "evt-1")
		b.reads(process, "evt-1", 2*time.Second)
		before := b.world.readsOf("evt-1")
		for range 20 {
			process.Committed(b.world.commit("evt-2"))
			b.reads(process, "evt-1", 200*time.Millisecond)
		}
		b.wantReads("evt-1", before)
	})
}
