package httpapi

import (
	"fmt"
	"testing"
)

// TestMemoIsBounded: however many requests differ and dashboards change, the kept bytes have
// a bound; and a dashboard that is requested all the time stays.
func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	m := newMemo(maxEncoded)
	often := requestKey{id: "often"}
	m.put(often, &encoded{body: make([]byte, 5_000)})
	for i := range 2_000 {
		m.put(requestKey{"", "evt-1", fmt.Sprint("from=", i)}, &encoded{body: make([]byte, 100_000)})
		m.put(requestKey{id: "changing"}, &encoded{body: make([]byte, 1_000+i)})
		if m.get(often) == nil {
			t.Fatalf("a dashboard that is requested all the time is gone after %d others", i)
		}
		kept := 0
		for _, n := range m.kept.Values() {
			kept += n.cost()
		}
		if kept > maxEncoded || m.bytes != kept {
			t.Fatalf("%d bytes are kept after %d dashboards, and %d counted", kept, i, m.bytes)
		}
	}
	m.put(requestKey{id: "long"}, &encoded{body: make([]byte, maxKept+1)})
	if m.get(requestKey{id: "long"}) != nil {
		t.Error("a dashboard is kept that is too long")
	}
}
