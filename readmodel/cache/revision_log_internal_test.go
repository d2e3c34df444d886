package cache

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
)

// TestRevisionLogClaimsOnlyWhatIsTrue gives a log notices in any order, some of them
// never, some twice, and checks all that it claims against all commits of the store.
func TestRevisionLogClaimsOnlyWhatIsTrue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		const bound = 900 * time.Millisecond
		var (
			l         = newRevisionLog(bound, 3)
			campaigns = rapid.SampledFrom([]events.Campaign{"a", "b", "c", "d", "e", "f", "g"})
			past      = []readmodel.Change{{To: readmodel.Revision{Incarnation: 5, Position: 10}}}
			now       = time.Unix(1_800_000_000, 0)
			dated     = []time.Time{now} // when each of past became true
			proven    int
		)
		last := func() readmodel.Revision { return past[len(past)-1].To }
		rt.Repeat(map[string]func(*rapid.T){
			"commit": func(rt *rapid.T) {
				to := last()
				to.Position += events.Position(rapid.IntRange(1, 3).Draw(rt, "by"))
				if rapid.IntRange(0, 9).Draw(rt, "edit") == 0 {
					to.Edits, to.Position = to.Edits+1, 1
				}
				past = append(past, readmodel.Change{From: last(), To: to, Campaigns: rapid.SliceOfN(campaigns, 0, 2).Draw(rt, "changed")})
				dated = append(dated, now)
			},
			"commit and tell": func(rt *rapid.T) {
				to := last()
				to.Position++
				past = append(past, readmodel.Change{From: last(), To: to, Campaigns: rapid.SliceOfN(campaigns, 0, 2).Draw(rt, "changed")})
				dated = append(dated, now)
				l.noticed(past[len(past)-1])
			},
			"tell": func(rt *rapid.T) {
				ch := past[rapid.IntRange(0, len(past)-1).Draw(rt, "which")]
				if ch.From.Edits != ch.To.Edits {
					ch.Campaigns = nil // more than is named may have changed
				}
				l.noticed(ch)
			},
			"poll": func(rt *rapid.T) {
				sent, highest := now, l.highest()
				now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(rt, "took")) * time.Millisecond)
				if l.polled(poll{sent, last()}, highest) == lost {
					rt.Fatal("taken for a store that went back")
				}
			},
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(rt, "ms")) * time.Millisecond)
			},
			"": func(rt *rapid.T) {
				for i, read := range past {
					for _, c := range []events.Campaign{"a", "b", "c"} {
						changed := func(after, through readmodel.Revision) bool {
							return slices.ContainsFunc(past, func(ch readmodel.Change) bool {
								return ch.To.Compare(after) > 0 && ch.To.Compare(through) <= 0 &&
									(slices.Contains(ch.Campaigns, c) || ch.From.Edits != ch.To.Edits)
							})
						}
						l.mu.Lock()
						through := l.unchanged(c, read.To)
						l.mu.Unlock()
						if through.Compare(read.To) < 0 || changed(read.To, through) {
							rt.Fatalf("%s is said to be unchanged from %v to %v", c, read.To, through)
						}
						asOf := l.current(c, read.To, readmodel.Revision{})
						if asOf.IsZero() {
							continue
						}
						proven++
						// No later change may have been there at that moment.
						for k := i + 1; k < len(past); k++ {
							if dated[k].Before(asOf) && changed(past[k-1].To, past[k].To) {
								rt.Fatalf("%s of %v is said to be current as of %v, changed at %v", c, read.To, asOf, dated[k])
							}
						}
					}
				}
				if n := len(l.young) + len(l.old); n > 2*3+2*2 {
					rt.Fatalf("%d campaigns are remembered", n)
				}
			},
		})
	})
}
