package lease

import (
	"testing"
	"time"
)

// TestExpiredByTheClock: a process that was frozen may ask before any of its timers has fired. The
// clock says that it does not hold the lease any more.
func TestExpiredByTheClock(t *testing.T) {
	t.Parallel()
	k := New(Config{})
	k.note(t.Context(), time.Now().Add(time.Hour))
	_, cancel, ok := k.Term(t.Context())
	if !ok || !k.Held() {
		t.Fatal("it does not hold the lease")
	}
	cancel()
	k.note(t.Context(), time.Now().Add(-time.Nanosecond)) // its timers have not fired: the term lasts
	if _, _, ok := k.Term(t.Context()); ok || k.Held() {
		t.Error("it holds a lease that has expired")
	}
}
