package kafka_test

import (
	"crypto/rand"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTransactions: the records of aborted and of open transactions do not exist; those of
// a transaction come when it is committed, before what was produced after them.
func TestTransactions(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		log := b.logged()
		begin := func(values ...string) *kgo.Client { return b.begin(t, values...) }
		end := func(client *kgo.Client, how kgo.TransactionEndTry) { end(t, client, how) }
		end(begin("aborted 1", "aborted 2"), kgo.TryAbort)
		end(begin("committed 1"), kgo.TryCommit)
		plain := b.client(t)
		produce(t, plain, "plain 1")
		frames, closeIt := b.subscribe(t)
		got := b.values(t, frames, 2)

		open, doomed := begin("open 1", "open 2"), begin("doomed")
		produce(t, plain, "plain 2")
		closeIt() // another session meets the open ones
		frames, _ = b.subscribe(t)
		end(doomed, kgo.TryAbort)
		select {
		case <-frames:
			t.Error("a frame came although the first transaction of the partition is open")
		default:
		}
		produce(t, open, "open 3")
		end(open, kgo.TryCommit)
		end(begin("aborted 3"), kgo.TryAbort)
		produce(t, plain, "plain 3")
		got = append(got, b.values(t, frames, 5)...)

		want := []string{"committed 1", "plain 1", "open 1", "open 2", "plain 2", "open 3", "plain 3"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
		log.wantErrors(t)
		if s := b.sources(t); s[0].Gaps > 0 {
			t.Errorf("the ends of transactions are gaps: %+v", s)
		}
	})
}

// TestEndsOfTransactionsAreNoGap: retention passes aborted records, and the ends of
// transactions that no record follows.
func TestEndsOfTransactionsAreNoGap(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		log := b.logged()
		end(t, b.begin(t, "committed 1"), kgo.TryCommit)
		frames, closeIt := b.subscribe(t)
		b.values(t, frames, 1)
		for _, how := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
			client := b.begin(t)
			if how == kgo.TryAbort {
				produce(t, client, "aborted 1", "aborted 2")
			}
			end(t, client, how)
		}
		open := b.begin(t, "open 1")
		const stable = 2 + 3 + 3 // records and ends; a transaction without records has no end
		eventually(t, "all up to the open transaction is read", func() bool { return b.sources(t)[0].Next == stable })
		closeIt()
		b.expire(t, stable)
		end(t, open, kgo.TryCommit)
		frames, _ = b.subscribe(t)
		if got := b.values(t, frames, 1); got[0] != "open 1" {
			t.Errorf("%s comes", got[0])
		}
		b.wantSource(t, stable+1, 0, 0)
		log.wantErrors(t)
	})
}

func produce(t *testing.T, client *kgo.Client, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// begin begins a transaction and produces values in it.
func (b *bundle) begin(t *testing.T, values ...string) *kgo.Client {
	t.Helper()
	client := b.client(t, kgo.TransactionalID(rand.Text()))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, client, values...)
	return client
}

func end(t *testing.T, client *kgo.Client, how kgo.TransactionEndTry) {
	t.Helper()
	if err := client.EndTransaction(t.Context(), how); err != nil {
		t.Fatal(err)
	}
}

// values reads frames until n records came and returns the values of partition 0.
func (b *bundle) values(t *testing.T, frames <-chan *message.Message, n int) []string {
	t.Helper()
	var all []string
	for _, r := range b.receiveAll(t, frames, n)[0] {
		all = append(all, string(r.Value))
	}
	return all
}
