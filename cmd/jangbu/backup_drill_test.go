package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/backup"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/synthetic"
)

// backups is how often each variant of TestBackupDrill makes and restores a backup, unless
// JANGBU_TEST_BACKUPS says otherwise.
const backups = 1

// TestBackupDrill backs a service up while 500 registrations/s arrive, goes on, loses everything
// but the backup, the master key and Kafka, and restores it: everything equals an undisturbed twin
// then, once Kafka was read again. Nothing is lost, and nothing counts twice (I1, I13).
func TestBackupDrill(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*drill) string{
		"SQLite":                      func(d *drill) string { d.onFiles(); return "" },
		"PostgreSQL and Apache Kafka": func(d *drill) string { d.onPostgres(); return services.Kafka(d.T) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &drill{T: t, dir: t.TempDir(), redis: "redis://" + services.StartRedis(t).Addr, roles: []string{"all"}}
			d.runBackups(open(d))
		})
	}
}

// connect prepares traffic to a broker, one of the drill's own where none is given. It returns what has
// a program read it, and the records that come first.
func (d *drill) connect(broker string) (environment []string, first []events.Record) {
	topics := stores.DefaultTopics()
	var err error
	if broker == "" {
		if d.broker, err = embedded.Start(d.Context(), embedded.Config{Listen: "127.0.0.1:0", Partitions: service.Partitions, Topics: topics.TopicNames()}); err != nil {
			d.Fatal(err)
		}
		d.Cleanup(d.broker.Close)
		broker = d.broker.Addr()
	} else {
		topics = stores.TopicConfig{
			TopicEventCreated:          services.Topic(d.T, broker, topics.TopicEventCreated),
			TopicParticipantRegistered: services.Topic(d.T, broker, topics.TopicParticipantRegistered),
			TopicDistributionCompleted: services.Topic(d.T, broker, topics.TopicDistributionCompleted),
			TopicChannelStatsFetched:   services.Topic(d.T, broker, topics.TopicChannelStatsFetched),
		}
	}
	if d.producer, err = kafka.NewProducer(kafka.Config{Brokers: []string{broker}}); err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = d.producer.Close() })
	d.generator, err = synthetic.New(synthetic.Config{
		Seed: backupSeed, Campaigns: 12, Start: time.Now(), Topics: topics.Topics(), DuplicateShare: 0.05, MalformedShare: 0.02,
	})
	if err != nil {
		d.Fatal(err)
	}
	campaigns := d.generator.Campaigns()
	for _, r := range campaigns {
		d.campaigns = append(d.campaigns, string(r.Key))
	}
	return []string{
		"JANGBU_KAFKA_BROKERS=" + broker, "JANGBU_TOPIC_EVENT_CREATED=" + topics.TopicEventCreated,
		"JANGBU_TOPIC_PARTICIPANT_REGISTERED=" + topics.TopicParticipantRegistered,
		"JANGBU_TOPIC_DISTRIBUTION_COMPLETED=" + topics.TopicDistributionCompleted,
		"JANGBU_TOPIC_CHANNEL_STATS_FETCHED=" + topics.TopicChannelStatsFetched,
	}, append(append(campaigns, d.generator.Distributions()...), d.generator.Stats(time.Now())...)
}

const backupSeed = 20261130

// runBackups runs the drill, on a broker of its own where there is none.
func (d *drill) runBackups(broker string) {
	of, first := d.connect(broker)
	random := rand.New(rand.NewPCG(backupSeed, uint64(len(broker))))
	d.environment = append(append(d.environment, of...), "JANGBU_REDIS_URL="+d.redis, "JANGBU_KAFKA_GROUP="+d.group("drilled"))
	d.twin = startKillable(d.T, d.TempDir(), append(of, "JANGBU_KAFKA_GROUP="+d.group("twin")))
	d.start()
	d.produce(first...)

	rounds := backups
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_BACKUPS")); err == nil {
		rounds = n
	}
	for round := range rounds {
		d.backUpAndRestore(random, filepath.Join(d.TempDir(), strconv.Itoa(round)))
	}
}

// group returns the name of a consumer group of this run alone.
func (d *drill) group(name string) string {
	return name + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
}

func (d *drill) backUpAndRestore(random *rand.Rand, to string) {
	d.Helper()
	key := d.masterKey()
	if key == "" {
		key = filepath.Join(d.TempDir(), "master.key")
		copyFile(d.T, filepath.Join(d.dir, "master.key"), key)
	}
	stopArriving := d.arriving()
	before := d.produced
	waitFor(d.T, time.Minute, func() string {
		return lessThan(d.leader().metric(d.T, "jangbu_log_received_total"), before+200+random.Int64N(400))
	})
	out, complaint, code := d.command("backup", to, "--why", "drill")
	if code != cli.ExitDone {
		d.Fatalf("backup exits with %d: %s%s", code, out, complaint)
	}
	copied, err := backup.Open(to)
	if err != nil {
		d.Fatal(err)
	}
	last := int64(copied.Manifest.Head) + copied.Manifest.DeadLetters() // at least so many more are read before all is lost
	waitFor(d.T, time.Minute, func() string { return lessThan(d.leader().metric(d.T, "jangbu_log_received_total"), last+500) })
	stopArriving()
	d.stop(true)
	d.empty()

	began := time.Now()
	args := []string{"restore", to, "--json"}
	if args = append(args, "--master-key-file", key); d.masterKey() == "" {
		copyFile(d.T, key, filepath.Join(d.dir, "master.key"))
	}
	out, complaint, code = d.command(args...)
	var restored struct{ MasterKey string }
	if err := json.Unmarshal([]byte(out), &restored); err != nil || code != cli.ExitDone || restored.MasterKey != "fits" {
		d.Fatalf("restore exits with %d: %s%s", code, out, complaint)
	}
	after := time.Since(began)
	d.start()
	d.equalsTwin(time.Minute)
	d.Logf("position %d of %d was backed up; restored in %v, equal to the twin after %v", copied.Manifest.Head,
		d.leader().metric(d.T, "jangbu_log_head"), after.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if letters := d.leader().metric(d.T, "jangbu_log_dead_letters"); copied.Manifest.DeadLetters() == 0 || letters <= copied.Manifest.DeadLetters() {
		d.Errorf("%d dead letters of %d were backed up", copied.Manifest.DeadLetters(), letters)
	}
	d.verify()
}

// lessThan says that a number is not high enough yet.
func lessThan(n, want int64) string {
	if n < want {
		return strconv.FormatInt(n, 10) + " of " + strconv.FormatInt(want, 10) + " were received"
	}
	return ""
}

// masterKey returns the file of the master key where that is not in the data directory.
func (d *drill) masterKey() string {
	for _, variable := range d.environment {
		if file, ok := strings.CutPrefix(variable, "JANGBU_MASTER_KEY_FILE="); ok {
			return file
		}
	}
	return ""
}

// command runs a command on the stores of the drilled service.
func (d *drill) command(args ...string) (out, complaint string, code int) {
	d.Helper()
	args = append(args, "--data-dir", d.dir)
	for _, variable := range d.environment {
		if address, ok := strings.CutPrefix(variable, "JANGBU_DATABASE_URL="); ok {
			args = append(args, "--database-url", address)
		}
	}
	return command(d.T, args...)
}

// arriving produces 500 registrations/s, more at a time after a broker that took long, until the
// function that it returns is called.
func (d *drill) arriving() (stop func()) {
	ctx, cancel := context.WithCancel(d.Context())
	produced, done := int64(0), make(chan error, 1) // produced is read once done has said so
	go func() {
		const perSecond, most = 500, 500
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-tick.C:
			}
			due := int64(perSecond*time.Since(began).Seconds()) - produced
			records := make([]events.Record, min(max(due, 1), most))
			for i := range records {
				records[i] = d.generator.Next()
			}
			if err := d.producer.Produce(d.Context(), records); err != nil {
				done <- err
				return
			}
			produced += int64(len(records))
		}
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			d.Errorf("produce: %v", err)
		}
		d.produced += produced
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
