package privacy_test

import (
	"fmt"
	"testing"

	"jangbu/events"
	"jangbu/events/privacy"
)

// BenchmarkPseudonyms is a frame of 1,000 registrations over 400 campaigns,
// whose keys are cached.
func BenchmarkPseudonyms(b *testing.B) {
	k := newKeeper(b, privacy.NewMasterKey())
	requests := make([]privacy.Request, 1000)
	for i := range requests {
		requests[i] = privacy.Request{
			Campaign: events.Campaign(fmt.Sprint("campaign ", i%400)),
			Phone:    fmt.Sprintf("+8210%08d", i),
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.Pseudonyms(b.Context(), requests); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(requests)), "ns/phone")
}

func BenchmarkNormalizePhone(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.NormalizePhone("+82 (0)10-1234-5678"); err != nil {
			b.Fatal(err)
		}
	}
}
