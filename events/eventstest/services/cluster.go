//go:build unix

package services

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Cluster is a cluster of Apache Kafka of a test's own, whose brokers the test may kill and
// freeze. Each broker is also a controller, so that of three brokers one may be away.
type Cluster struct {
	// Addresses are those of the brokers, which they keep.
	Addresses []string

	java, jars string
	brokers    []broker
}

// broker is a broker of a cluster. Its ID is its index in it.
type broker struct {
	dir   string // has its settings, its data and what it writes
	cmd   *exec.Cmd
	guard io.Closer
}

// StartKafka starts a cluster of at most three brokers, which ends with the test. It replaces
// the brokers' settings, which make a topic of 12 partitions with as many replicas as there are
// brokers, by lines of server.properties.
func StartKafka(t testing.TB, brokers int, settings ...string) *Cluster {
	t.Helper()
	return startKafka(t, brokers, nil, settings)
}

// StartKafkaBehind is StartKafka of brokers with one more listener, to which clients come by way of
// something between: between gets the address of a broker's, before the broker runs, and returns
// the one that the broker advertises there. Addresses, and what brokers say to each other, do
// not pass it.
func StartKafkaBehind(t testing.TB, brokers int, between func(address string) (advertised string), settings ...string) *Cluster {
	t.Helper()
	return startKafka(t, brokers, between, settings)
}

func startKafka(t testing.TB, brokers int, between func(address string) string, settings []string) *Cluster {
	t.Helper()
	c := &Cluster{
		jars:    service(t, "JANGBU_TEST_KAFKA_JARS", "AGAINST A CLUSTER OF APACHE KAFKA"),
		java:    service(t, "JANGBU_TEST_JAVA", "AGAINST A CLUSTER OF APACHE KAFKA"),
		brokers: make([]broker, brokers),
	}
	ports := freePorts(t, 3*brokers)
	var voters []string
	var all []int
	for i := range brokers {
		c.Addresses = append(c.Addresses, fmt.Sprintf("127.0.0.1:%d", ports[i]))
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i, ports[brokers+i]))
		all = append(all, i)
	}
	for i := range brokers {
		c.brokers[i].dir = t.TempDir()
		text := fmt.Sprintf(clusterSettings, i, strings.Join(voters, ","), c.Addresses[i], ports[brokers+i], c.brokers[i].dir, brokers, min(brokers, 2)) +
			strings.Join(settings, "\n") + "\n"
		if between != nil {
			behind := fmt.Sprintf("127.0.0.1:%d", ports[2*brokers+i])
			text += fmt.Sprintf(behindSettings, c.Addresses[i], ports[brokers+i], behind, between(behind))
		}
		if err := os.WriteFile(c.file(i, "server.properties"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for i := range c.brokers {
			c.brokers[i].end()
		}
	})
	c.format(t)
	c.Start(t, all...)
	return c
}

// clusterSettings let groups form at once, forget members and dead brokers soon, and have little of
// everything that a broker has many of.
const clusterSettings = `process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%[3]s,CONTROLLER://127.0.0.1:%[4]d
advertised.listeners=PLAINTEXT://%[3]s
log.dirs=%[5]s/data
auto.create.topics.enable=false
num.partitions=12
default.replication.factor=%[6]d
min.insync.replicas=%[7]d
offsets.topic.num.partitions=3
offsets.topic.replication.factor=%[6]d
transaction.state.log.num.partitions=3
transaction.state.log.replication.factor=%[6]d
transaction.state.log.min.isr=%[7]d
share.coordinator.state.topic.replication.factor=%[6]d
share.coordinator.state.topic.min.isr=%[7]d
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=5000
replica.lag.time.max.ms=5000
log.cleaner.dedupe.buffer.size=8388608
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
num.network.threads=2
num.io.threads=4
`

// behindSettings replace the listeners of a broker.
const behindSettings = `listeners=PLAINTEXT://%[1]s,CONTROLLER://127.0.0.1:%[2]d,BEHIND://%[3]s
advertised.listeners=PLAINTEXT://%[1]s,BEHIND://%[4]s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BEHIND:PLAINTEXT
`

func (c *Cluster) file(i int, name string) string { return filepath.Join(c.brokers[i].dir, name) }

// format makes the brokers' storage, all at once.
func (c *Cluster) format(t testing.TB) {
	t.Helper()
	failed := make(chan error)
	for i := range c.brokers {
		go func() {
			made, err := c.program(t, "kafka.tools.StorageTool", "format", "--cluster-id", "amFuZ2J1LWphbmdidS1qYQ",
				"--config", c.file(i, "server.properties")).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("make the storage of broker %d: %w:\n%s", i, err, made)
			}
			failed <- err
		}()
	}
	var err error
	for range c.brokers {
		err = errors.Join(err, <-failed)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) program(t testing.TB, class string, args ...string) *exec.Cmd {
	return exec.CommandContext(context.WithoutCancel(t.Context()), c.java, append([]string{
		"-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(c.jars, "*"), class,
	}, args...)...)
}

// Start starts brokers that do not run, at their addresses and with their data, and waits until
// they serve. Where too few run for that, others must be started with them. On a machine with too
// little time for it the controllers may not take a broker back, which is then started once more.
func (c *Cluster) Start(t testing.TB, brokers ...int) {
	t.Helper()
	for _, i := range brokers {
		c.run(t, i)
	}
	for _, i := range brokers {
		err := c.await(t, i)
		if err != nil {
			t.Logf("%v: started again", err)
			c.brokers[i].end()
			c.run(t, i)
			err = c.await(t, i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (c *Cluster) run(t testing.TB, i int) {
	t.Helper()
	b := &c.brokers[i]
	said, err := os.OpenFile(c.file(i, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	b.cmd = c.program(t, "kafka.Kafka", c.file(i, "server.properties"))
	b.cmd.Stdout, b.cmd.Stderr = said, said
	err = b.cmd.Start()
	_ = said.Close() // the broker has its own
	if err != nil {
		b.cmd = nil
		t.Fatal(err)
	}
	b.guard = guard(t, b.cmd.Process.Pid)
}

// guard ends a process when this one ends without having done so, as it does after its time is
// over. Closing what it returns ends the guard and nothing else, where the process has ended.
func guard(t testing.TB, pid int) io.Closer {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-c", fmt.Sprintf("read -r _; kill -KILL %d 2>/dev/null", pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal to the test's group is not for it
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return closer(func() error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		return in.Close()
	})
}

type closer func() error

func (c closer) Close() error { return c() }

// await waits until a broker knows of itself, as it does once it serves.
func (c *Cluster) await(t testing.TB, i int) error {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addresses[i]))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		known, err := kadm.NewClient(client).BrokerMetadata(ctx)
		if err == nil && slices.Contains(known.Brokers.NodeIDs(), int32(i)) { //nolint:gosec // three at most
			return nil
		}
		ended := c.brokers[i].cmd.Process.Signal(syscall.Signal(0))
		if ctx.Err() != nil || ended != nil {
			said, _ := os.ReadFile(c.file(i, "server.log"))
			return fmt.Errorf("broker %d at %s does not serve: it knows of brokers %v; it wrote:\n%s: %w",
				i, c.Addresses[i], known.Brokers.NodeIDs(), said, cmp.Or(ended, err, ctx.Err()))
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// Runs reports whether a broker has been started and not killed.
func (c *Cluster) Runs(i int) bool { return c.brokers[i].cmd != nil }

// Kill ends a broker as if its machine had failed. What it has written stays.
func (c *Cluster) Kill(t testing.TB, i int) {
	t.Helper()
	if c.brokers[i].cmd == nil {
		t.Fatalf("broker %d does not run", i)
	}
	c.brokers[i].end()
}

func (b *broker) end() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait() // it was killed
	_ = b.guard.Close()
	b.cmd = nil
}

// Freeze stops a broker where it is: its connections stay, and nothing answers on them.
func (c *Cluster) Freeze(t testing.TB, i int) { c.signal(t, i, syscall.SIGSTOP) }

// Thaw lets a frozen broker go on.
func (c *Cluster) Thaw(t testing.TB, i int) { c.signal(t, i, syscall.SIGCONT) }

func (c *Cluster) signal(t testing.TB, i int, signal syscall.Signal) {
	t.Helper()
	if c.brokers[i].cmd == nil {
		t.Fatalf("broker %d does not run", i)
	}
	if err := c.brokers[i].cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// CreateTopic creates a topic and waits until its partitions have leaders. With -1 the brokers
// choose the number of partitions, or of replicas. Settings are those of the topic.
func (c *Cluster) CreateTopic(t testing.TB, name string, partitions int32, replicas int16, settings map[string]string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addresses...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	admin := kadm.NewClient(client)
	with := make(map[string]*string)
	for name, value := range settings {
		with[name] = &value
	}
	if _, err := admin.CreateTopic(ctx, partitions, replicas, with, name); err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
	for ; ctx.Err() == nil; time.Sleep(pause) {
		known, err := admin.ListTopics(ctx)
		led := err == nil && known.Has(name)
		for _, p := range known[name].Partitions {
			led = led && p.Err == nil && p.Leader >= 0
		}
		if led {
			return
		}
	}
	t.Fatalf("topic %s has partitions without a leader", name)
}

// freePorts returns ports of 127.0.0.1 that are free, below those that systems choose for
// outgoing connections: a broker that is started again finds its own free.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	const lowest, highest = 20_000, 32_000
	var ports []int
	for try := 0; len(ports) < n; try++ {
		if try > 100*n {
			t.Fatal("no port is free")
		}
		port := lowest + rand.IntN(highest-lowest)
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		_ = listener.Close()
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}
