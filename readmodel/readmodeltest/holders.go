package readmodeltest

import (
	"errors"
	"testing"
	"time"

	"jangbu/readmodel"
)

func testHolders(t *testing.T, a Adapter) {
	holder := func(t *testing.T, s readmodel.Store, name string) readmodel.Holder {
		t.Helper()
		h, err := s.Holder(t.Context(), name)
		if err != nil {
			t.Fatalf("Holder: %v", err)
		}
		return h
	}
	free := func(t *testing.T, s readmodel.Store, name string) {
		t.Helper()
		if h := holder(t, s, name); h.Owner != "" || h.Left != 0 || h.Name != name {
			t.Errorf("Holder(%s) = %+v, want it free", name, h)
		}
	}

	t.Run("a lease that was broken is free, recorded, and fences its holder", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		acquire(t, b.store, "poller", owner, time.Minute)
		b.lease = acquire(t, b.store, leaseName, owner, 30*24*time.Hour) // by a clock that was ahead
		for _, s := range []readmodel.Store{b.store, b.open()} {
			held, err := s.Holders(t.Context())
			if err != nil || len(held) != 2 || held[0].Name != "poller" || held[1].Lease != b.lease || held[0].TooLong(time.Minute) || !held[1].TooLong(time.Minute) {
				t.Fatalf("Holders = %+v, %v", held, err)
			}
		}
		if _, ok, err := b.store.Acquire(t.Context(), leaseName, rival, time.Minute); err != nil || ok {
			t.Fatalf("Acquire = %v, %v; want that another holds it", ok, err)
		}
		other := b.lease
		other.Epoch++
		if _, err := b.store.Break(t.Context(), other, "운영자", ""); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Break of another epoch = %v, want ErrFenced", err)
		}
		op, err := b.store.Break(t.Context(), b.lease, "운영자", "시계가 앞섰다")
		if err != nil {
			t.Fatalf("Break: %v", err)
		}
		if op.Kind != readmodel.BreakLease || op.Lease != leaseName || op.Who != "운영자" || op.Why != "시계가 앞섰다" || op.Owner != owner ||
			op.State != readmodel.Done || op.EndedAt.IsZero() || len(op.Projections) > 0 {
			t.Errorf("Break = %+v", op)
		}
		if ops := b.ops(t); len(ops) != 1 || ops[0].ID != op.ID || ops[0].Lease != leaseName {
			t.Errorf("the record is %+v", ops)
		}
		free(t, b.store, leaseName)
		if _, err := b.store.Commit(t.Context(), b.lease, b.advances(1), newRows()); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Commit of the former holder = %v, want ErrFenced", err)
		}
		if _, err := b.store.Break(t.Context(), b.lease, "운영자", ""); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Break of a free lease = %v, want ErrFenced", err)
		}
		if taken := acquire(t, b.store, leaseName, owner, time.Minute); taken.Epoch <= b.lease.Epoch {
			t.Errorf("taken again with epoch %d, after %d", taken.Epoch, b.lease.Epoch)
		}
		if op, ok, err := b.store.Next(t.Context()); err != nil || ok {
			t.Errorf("Next = %+v, %v; want that nothing waits", op, err)
		}
	})

	t.Run("every process names the holder of a lease until it ends", func(t *testing.T) {
		t.Parallel()
		open := a.Database(t, Tables())
		stores := []readmodel.Store{open(), open()}
		free(t, stores[0], "poller") // never acquired
		held := acquire(t, stores[0], "poller", "프로세스-1", 49*time.Hour)
		for _, store := range stores {
			h := holder(t, store, "poller")
			if h.Lease != held || h.Left <= 48*time.Hour || h.Left > 49*time.Hour {
				t.Errorf("Holder = %+v, want %+v for almost 49 hours", h, held)
			}
			free(t, store, "projections")
		}
		acquire(t, stores[0], "poller", "프로세스-1", time.Minute) // the last renewal counts
		if h := holder(t, stores[1], "poller"); h.Lease != held || h.Left <= 0 || h.Left > time.Minute {
			t.Errorf("Holder = %+v, want %+v for less than a minute", h, held)
		}
		acquire(t, stores[0], "poller", "프로세스-1", -time.Second)
		free(t, stores[1], "poller") // expired
		taken := acquire(t, stores[1], "poller", rival, longTTL)
		if h := holder(t, stores[0], "poller"); h.Lease != taken {
			t.Errorf("Holder = %+v, want %+v", h, taken)
		}
		if err := stores[0].Release(t.Context(), held); err != nil { // not this owner's
			t.Fatalf("Release: %v", err)
		}
		if h := holder(t, stores[0], "poller"); h.Lease != taken {
			t.Errorf("Holder = %+v, want %+v", h, taken)
		}
		if err := stores[1].Release(t.Context(), taken); err != nil {
			t.Fatalf("Release: %v", err)
		}
		free(t, stores[0], "poller")
	})

	t.Run("the last failure stays, under any holder, until the task works again", func(t *testing.T) {
		t.Parallel()
		open := a.Database(t, Tables())
		store, other := open(), open()
		fault := func(name, by, text string) {
			t.Helper()
			if err := store.Fault(t.Context(), name, by, text); err != nil {
				t.Fatalf("Fault: %v", err)
			}
		}
		told := func(lease readmodel.Lease, by, text string) time.Time {
			t.Helper()
			h := holder(t, other, leaseName)
			if h.Lease != lease || h.Fault != text || h.FaultOwner != by || h.FaultAt.IsZero() != (text == "") {
				t.Errorf("Holder = %+v, want %+v and that %q failed with %q", h, lease, by, text)
			}
			if text != "" && (h.FaultAt.Location() != time.UTC || time.Since(h.FaultAt).Abs() > time.Minute) {
				t.Errorf("failed at %v, want now, in UTC", h.FaultAt)
			}
			return h.FaultAt
		}
		none := readmodel.Lease{Name: leaseName}
		told(none, "", "")
		fault("poller", rival, "another lease's")
		told(none, "", "")
		fault(leaseName, owner, "") // there is no failure
		told(none, "", "")
		fault(leaseName, owner, "접속이 끊겼다")
		first := told(none, owner, "접속이 끊겼다")
		lease := acquire(t, store, leaseName, rival, longTTL)
		if again := told(lease, owner, "접속이 끊겼다"); !again.Equal(first) {
			t.Errorf("failed at %v, then at %v", first, again)
		}
		for _, text := range hostileTexts()[1:] {
			fault(leaseName, rival+text, text)
			at := told(lease, rival+text, text)
			if at.Before(first) {
				t.Errorf("failed at %v after %v", at, first)
			}
			first = at
		}
		fault(leaseName, owner, "") // another owner than the one that failed
		told(lease, "", "")
		if h := holder(t, store, "poller"); h.Fault != "another lease's" {
			t.Errorf("Holder = %+v, want the failure of another lease to stay", h)
		}
	})
}
