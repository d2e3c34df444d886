package pglog

import (
	"context"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
)

// TestAppendsOfOthersAreSeenSoon: a process that waits for the appends of another polls more
// often than one that waits for its own, or for none.
func TestAppendsOfOthersAreSeenSoon(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	open := func() *Log {
		l, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	put := func(by *Log, participant string) {
		t.Helper()
		decoded, err := events.Decode(events.TypeParticipantRegistered, events.Record{
			Topic: "participant-registered", Key: []byte("evt-1"), Timestamp: time.Now(),
			Value: []byte(`{"eventId":"evt-1","phoneNumber":"010-1234-5678","participantId":"` + participant + `"}`),
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := by.Append(t.Context(), []events.Draft{decoded.Draft}); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(l *Log, when string, want time.Duration) {
		t.Helper()
		if got := l.pollEvery(time.Now()); got != want {
			t.Errorf("%s it polls every %v, want %v", when, got, want)
		}
	}
	one, two, reader := open(), open(), open()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	waited := make(chan error, 1)
	go func() {
		_, err := reader.Wait(ctx, 0)
		waited <- err
	}()
	waiting, stop := context.WithTimeout(ctx, 2*pollInterval) // by its end the goroutine waits
	defer stop()
	_, _ = reader.Wait(waiting, 0)
	wants(reader, "before there is an event", pollInterval)
	put(one, "p-1")
	put(one, "p-2")
	wants(one, "where no other appends", pollInterval)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	wants(reader, "where only others append", pollSoon)
	put(two, "p-3")
	put(one, "p-4")
	wants(one, "where others append as well", pollSoon)
	if got := one.pollEvery(time.Now().Add(pollSoonFor)); got != pollInterval {
		t.Errorf("a while later it polls every %v, want %v", got, pollInterval)
	}
}
