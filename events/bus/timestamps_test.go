package bus_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"jangbu/events"
)

// TestTimestampsThatAreNoTimes: producers send micro- and nanoseconds, and whatever fits in
// 64 bits. Such a record is a dead letter once, and its neighbours are events (I5).
func TestTimestampsThatAreNoTimes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	now := time.Now()
	stamps := []int64{now.UnixNano(), now.UnixMicro(), now.Unix(), 0, -1, math.MinInt64, math.MaxInt64}
	n := 0
	neighbours := func(count int) {
		values := make([]string, count)
		for i := range values {
			values[i] = registration(fmt.Sprintf("p-%d", n), fmt.Sprintf("010-1234-%04d", n))
			n++
		}
		b.send(t, values...)
	}
	for i, millis := range stamps {
		neighbours(100)
		produceAt(t, b.broker, millis, registration(fmt.Sprintf("absurd-%d", i), "010-9999-9999"))
	}
	neighbours(900 - n)
	dead := int64(len(stamps))
	b.settled(t, 900, dead)
	neighbours(1) // behind them: what was delivered again would have been so before it
	if totals := b.settled(t, 901, dead); totals.Duplicates != 0 || totals.Received != 901+dead {
		t.Errorf("the account is %+v", totals)
	}
	b.inOrder(t)
	for i, letter := range waiting(t, b.log) {
		if want := "Kafka timestamp: is not between 2000 and tomorrow; expected milliseconds since 1970"; letter.Reason != events.ReasonMalformed || letter.Detail != want {
			t.Errorf("letter %d is %s: %s, want %s", i, letter.Reason, letter.Detail, want)
		}
		if _, err := json.Marshal(letter); err != nil {
			t.Errorf("letter %d: %v", i, err)
		}
	}
}

// produceAt produces a record with a timestamp that no client lets through.
func produceAt(t *testing.T, broker string, millis int64, value string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.MaxVersions(kversion.V3_0_0()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	record := kmsg.NewRecord()
	record.Key, record.Value = []byte("evt-1"), []byte(value)
	record.Length = int32(len(record.AppendTo(nil)) - 1) // without the length itself, 0 in one byte
	batch := kmsg.NewRecordBatch()
	batch.PartitionLeaderEpoch, batch.Magic = -1, 2
	batch.FirstTimestamp, batch.MaxTimestamp = millis, millis
	batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence = -1, -1, -1
	batch.NumRecords, batch.Records = 1, record.AppendTo(nil)
	const length, checked = 8 + 4, 8 + 4 + 4 + 1 + 4 // up to the end of the fields of that name
	whole := batch.AppendTo(nil)
	batch.Length = int32(len(whole) - length)
	batch.CRC = int32(crc32.Checksum(whole[checked:], crc32.MakeTable(crc32.Castagnoli)))

	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = batch.AppendTo(nil)
	of := kmsg.NewProduceRequestTopic()
	of.Topic, of.Partitions = topic, []kmsg.ProduceRequestTopicPartition{partition}
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis, request.Topics = -1, 5000, []kmsg.ProduceRequestTopic{of}
	response, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if code := response.Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("the broker refused timestamp %d with code %d", millis, code)
	}
}
