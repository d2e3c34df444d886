package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"jangbu/events"
)

func sumOf(n uint64) [sha256.Size]byte {
	return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, n))
}

// TestRememberedIsBounded: tokens take no more bytes than they may, however many shops they name.
func TestRememberedIsBounded(t *testing.T) {
	t.Parallel()
	small := memory{caller: Identity{Subject: "kim"}}
	large := memory{caller: Identity{Subject: "kim", Shops: make([]events.Shop, 1000)}}
	for i := range large.caller.Shops {
		large.caller.Shops[i] = events.Shop(strings.Repeat("x", 36))
	}
	r := newRemembered(10 * small.cost())
	r.add(sumOf(0), small)
	for n := range uint64(1000) {
		r.add(sumOf(n+1), small)
		if r.tokens.Len() > 10 || r.bytes != r.tokens.Len()*small.cost() {
			t.Fatalf("%d are remembered, of %d bytes; expected at most 10", r.tokens.Len(), r.bytes)
		}
		if _, ok := r.find(sumOf(0)); !ok {
			t.Fatalf("after %d others one is forgotten that is always asked for", n+1)
		}
	}
	if _, ok := r.find(sumOf(1)); ok {
		t.Error("one is remembered that was never found again")
	}
	r.add(sumOf(0), small)
	if r.bytes != r.tokens.Len()*small.cost() {
		t.Errorf("one that is there again: %d bytes", r.bytes)
	}
	r.add(sumOf(1), large)
	if r.tokens.Len() > 0 || r.bytes > 0 {
		t.Errorf("with one that is too large: %d of %d bytes", r.tokens.Len(), r.bytes)
	}
}

func TestRememberedByMany(t *testing.T) {
	t.Parallel()
	r := newRemembered(100 * memoryBytes)
	var group sync.WaitGroup
	for worker := range uint64(4) {
		group.Go(func() {
			for n := range uint64(1000) {
				r.add(sumOf(n), memory{})
				r.find(sumOf(n * worker))
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
		Secrets: []Secret{{Text: make([]byte, MinSecretBytes)}}, Issuer: "jangbu", Audience: "jangbu", Logger: slog.New(slog.DiscardHandler),
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
