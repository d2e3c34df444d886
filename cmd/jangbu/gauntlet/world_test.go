//go:build gauntlet && linux

package gauntlet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"

	"jangbu/events/channels/simulator"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// world is everything that a run runs on.
type world struct {
	recorder *Recorder
	program  string
	small    string // a small disk, on which PostgreSQL is

	kafka     *services.Cluster
	redis     *services.Server
	simulated *simulator.Simulator

	postgres, standby *services.PostgresServer // both are databaseFaults'

	toDatabase, toRedis *toxiproxy.Proxy
	toBrokers           []*toxiproxy.Proxy // which processes pass, and records of the producer do not
	environment         []string
	processes           []*process
}

// settings of PostgreSQL: of little space, since its disk is small.
var settings = []string{"max_connections=100", "max_wal_size=64MB", "min_wal_size=32MB", "wal_keep_size=64MB", "checkpoint_timeout=30s"}

// newWorld starts everything but the processes.
func newWorld(t *testing.T, r *Recorder) *world {
	t.Helper()
	w := &world{recorder: r, program: build(t), small: smallDisk(t)}
	t.Setenv("TMPDIR", w.small) // PostgreSQL's data is there
	w.postgres = services.StartPostgres(t, settings...)
	w.postgres.Database(t, "jangbu")
	w.standby = w.postgres.Standby(t, settings...)
	t.Setenv("TMPDIR", "")
	w.redis = services.StartRedis(t)
	w.kafka, w.toBrokers = startBrokers(t, 3)
	for _, topic := range Topics() {
		w.kafka.CreateTopic(t, topic, 12, 3, nil)
	}
	w.toDatabase, w.toRedis = services.StartProxy(t, "database", w.postgres.Addr), services.StartProxy(t, "redis", w.redis.Addr)
	w.simulate(t)
	w.configure(t)
	return w
}

// startBrokers starts brokers, and a proxy before each: who asks a proxy for the brokers' addresses
// is told those of the proxies.
func startBrokers(t *testing.T, n int) (brokers *services.Cluster, proxies []*toxiproxy.Proxy) {
	t.Helper()
	brokers = services.StartKafkaBehind(t, n, func(address string) string {
		proxies = append(proxies, services.StartProxy(t, fmt.Sprintf("broker %d", len(proxies)), address))
		return proxies[len(proxies)-1].Listen
	})
	return brokers, proxies
}

// addressesOf returns where proxies listen.
func addressesOf(proxies []*toxiproxy.Proxy) (addresses []string) {
	for _, proxy := range proxies {
		addresses = append(addresses, proxy.Listen)
	}
	return addresses
}

// simulate starts the channels' APIs.
func (w *world) simulate(t *testing.T) {
	t.Helper()
	var err error
	w.simulated, err = simulator.Start(t.Context(), simulator.Config{Key: "gauntlet", Since: time.Now(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.simulated.Close() })
}

// configure makes what all processes have in their environment.
func (w *world) configure(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	master := filepath.Join(dir, "master.key")
	if _, err := privacy.CreateMasterKey(master); err != nil {
		t.Fatal(err)
	}
	database := url.URL{Scheme: "postgres", User: url.User("jangbu"), Host: w.toDatabase.Listen, Path: "/jangbu", RawQuery: "sslmode=disable"}
	key := file("channel.key", []byte("gauntlet"))
	w.environment = []string{
		"JANGBU_DATABASE_URL=" + database.String(), "JANGBU_REDIS_URL=redis://" + w.toRedis.Listen + "/0", "JANGBU_MASTER_KEY_FILE=" + master,
		"JANGBU_KAFKA_BROKERS=" + join(addressesOf(w.toBrokers)), "JANGBU_POLL_INTERVAL=5s", "JANGBU_POLL_INTERVAL_MAX=10s",
		"SSL_CERT_FILE=" + file("roots.pem", w.simulated.RootsPEM()),
	}
	for api, name := range map[simulator.API]string{simulator.WooridongneTV: "WOORIDONGNETV", simulator.GenieTV: "GENIETV", simulator.SNS: "SNS"} {
		w.environment = append(w.environment, "JANGBU_CHANNEL_"+name+"_URL="+w.simulated.URL(api), "JANGBU_CHANNEL_"+name+"_KEY_FILE="+key)
	}
}

func join(addresses []string) (all string) {
	for i, a := range addresses {
		if i > 0 {
			all += ","
		}
		all += a
	}
	return all
}

// start starts a process.
func (w *world) start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := newProcess(t, w.recorder, w.program, name, w.environment, args...)
	w.processes = append(w.processes, p)
	return p
}

// smallDisk returns a directory on a disk of its own, with room for the log and three copies of it.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	megabytes := 1000 + *count/100
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=1777", megabytes)); err != nil {
		t.Fatalf("mount a small disk, which fills up: %v; the gauntlet runs as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	for d := dir; d != "/"; d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755) //nolint:gosec // the user of PostgreSQL passes through, as through every directory above
	}
	return dir
}

// command runs a command of the program, as an operator would, and returns what it printed and
// its exit code.
func (w *world) command(ctx context.Context, args ...string) (out []byte, code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.program, args...)
	cmd.Env = append(os.Environ(), w.environment...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err = cmd.Output()
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		text := said.Bytes()
		return out, exited.ExitCode(), fmt.Errorf("%v: exit code %d: %s", args, exited.ExitCode(), text[max(0, len(text)-300):])
	}
	return out, 0, err
}

// query runs a command that prints JSON, and decodes it.
func (w *world) query(ctx context.Context, into any, args ...string) error {
	out, _, err := w.command(ctx, append(args, "--json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return nil
}
