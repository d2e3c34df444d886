package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func sumOf(n uint64) [sha256.Size]byte {
	return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, n))
}

func TestRememberedIsBounded(t *testing.T) {
	t.Parallel()
	r, now := newRemembered(10), time.Unix(0, 0)
	add := func(n uint64) { r.add(sumOf(n), memory{Identity{Subject: "kim"}, "keys", now.Add(time.Minute)}) }
	add(0)
	for n := range uint64(1000) {
		add(n + 1)
		if r.tokens.Len() > 10 {
			t.Fatalf("%d are remembered; expected at most 10", r.tokens.Len())
		}
		if _, ok := r.find(sumOf(0), "keys", now); !ok {
			t.Fatalf("after %d others one is forgotten that is always asked for", n+1)
		}
	}
	if _, ok := r.find(sumOf(1), "keys", now); ok {
		t.Error("one is remembered that was never found again")
	}
	if _, ok := r.find(sumOf(0), "keys", now.Add(time.Minute)); ok {
		t.Error("one is remembered after its time")
	}
	if _, ok := r.find(sumOf(0), "other keys", now); ok {
		t.Error("one is remembered that other keys have verified")
	}
}

func TestRememberedByMany(t *testing.T) {
	t.Parallel()
	r, now := newRemembered(100), time.Unix(0, 0)
	var group sync.WaitGroup
	for worker := range uint64(4) {
		group.Go(func() {
			for n := range uint64(1000) {
				r.add(sumOf(n), memory{until: now.Add(time.Minute)})
				r.find(sumOf(n*worker), nil, now)
			}
		})
	}
	group.Wait()
	if r.tokens.Len() > 100 {
		t.Errorf("%d are remembered; expected at most 100", r.tokens.Len())
	}
}

func TestRefusedTokensAreNotRemembered(t *testing.T) {
	t.Parallel()
	a, err := New(t.Context(), Config{
		Secret: make([]byte, MinSecretBytes), Issuer: "jangbu", Audience: "jangbu", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA")
		if _, err := a.Authenticate(r); err == nil {
			t.Fatal("accepted")
		}
	}
	if a.remembered.tokens.Len() > 0 {
		t.Errorf("%d are remembered", a.remembered.tokens.Len())
	}
}
