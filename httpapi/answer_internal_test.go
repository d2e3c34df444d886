package httpapi

import (
	"fmt"
	"testing"
)

// TestMemoIsBounded: whatever is asked for, and however often it changes, what is kept
// has so many bytes; and what is asked for again and again stays.
func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	m := newMemo(maxAnswers)
	often := answerKey{id: "often"}
	m.put(often, &answer{body: make([]byte, 5_000)})
	for i := range 2_000 {
		m.put(answerKey{"evt-1", fmt.Sprint("from=", i)}, &answer{body: make([]byte, 100_000)})
		m.put(answerKey{id: "changing"}, &answer{body: make([]byte, 1_000+i)})
		if m.get(often) == nil {
			t.Fatalf("what is asked for all the time is gone after %d others", i)
		}
		kept := 0
		for _, n := range m.kept.Values() {
			kept += n.cost()
		}
		if kept > maxAnswers || m.bytes != kept {
			t.Fatalf("%d bytes are kept after %d answers, and %d counted", kept, i, m.bytes)
		}
	}
	m.put(answerKey{id: "long"}, &answer{body: make([]byte, maxKept+1)})
	if m.get(answerKey{id: "long"}) != nil {
		t.Error("an answer is kept that is too long")
	}
}
