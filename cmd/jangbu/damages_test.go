package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/eventstest/services"
)

// TestDamagesAreNamedAndMended damages rows, catalogue, log, keys and leases by hand. Each damage
// is named by verify or by serve, with a sentence that says how it is mended; done so, verify
// finds nothing, and a service serves what was served before. A run takes every sixth of them
// on each database, beginning anywhere; JANGBU_TEST_BY_HAND=all takes all.
func TestDamagesAreNamedAndMended(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"sqlite", "postgres"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			database := ""
			if store == "postgres" {
				database = services.Database(t)
			}
			healthy := newTemplate(t, database)
			names := make(map[string]bool)
			first, every := rand.IntN(6), 6
			if os.Getenv("JANGBU_TEST_BY_HAND") == "all" {
				first, every = 0, 1
			}
			t.Logf("of %d damages: from %d on, every %d", len(damages()), first, every)
			for i, d := range damages() {
				if names[d.name] {
					t.Fatalf("two damages are called %q", d.name)
				}
				names[d.name] = true
				if d.only != "" && d.only != store || (i-first)%every != 0 {
					continue
				}
				t.Run(d.name, func(t *testing.T) {
					t.Parallel()
					p := copyOf(t, healthy)
					if p.onSQLite() && d.sqlite != "" {
						p.sql(d.sqlite)
					} else if d.sql != "" {
						p.sql(d.sql)
					}
					if d.do != nil {
						d.do(p)
					}
					said := d.named(p)
					for _, words := range append(d.says, d.mend.words) {
						if !strings.Contains(said, words) {
							t.Errorf("it says:\n%s\nwant in it %q", said, words)
						}
					}
					if d.mend.do != nil {
						d.mend.do(p)
					}
					p.healthy()
				})
			}
			if len(names) < 30 {
				t.Errorf("there are %d damages, want 30", len(names))
			}
		})
	}
}

// damage is one that is done by hand.
type damage struct {
	name   string
	only   string // the store that can be damaged so; empty: both
	sql    string // does it
	sqlite string // does it in SQLite, in the place of sql
	do     func(*patient)
	named  func(*patient) string // returns what names it
	says   []string              // in what names it
	mend   mend
}

// mend is how a damage is mended.
type mend struct {
	words string         // that lead to it
	do    func(*patient) // nil where the service has mended it
}

// What mends.
func resetCampaign(id string) mend {
	return mend{"jangbu projections reset --all --campaign", func(p *patient) {
		p.run("projections", "reset", "--all", "--campaign", id, "--why", "verify")
	}}
}

func rebuilds() mend {
	return mend{"jangbu projections rebuild --all", func(p *patient) { p.run("projections", "rebuild", "--all", "--why", "verify") }}
}

func restoresLog() mend {
	return mend{"restore the log from a backup", func(p *patient) { p.restore("log") }}
}

// importsLog puts an export into an empty log, beside the keys that were.
func importsLog() mend {
	return mend{"import an export into an empty one", func(p *patient) {
		p.drop("log")
		p.run("events", "import", p.export)
	}}
}

func heals() mend { return mend{} }

// What names a damage.

// verify is what verify says, which finds something.
func verify(p *patient) string { return complaintOf(p, cli.ExitCheckFailed, "verify") }

// verifyLog is what verify --log says.
func verifyLog(p *patient) string { return complaintOf(p, cli.ExitCheckFailed, "verify", "--log") }

func complaintOf(p *patient, want int, args ...string) string {
	p.Helper()
	out, complaint, code := p.command(args...)
	if code != want {
		p.Fatalf("%q exits with %d, want %d: %s%s", args, code, want, out, complaint)
	}
	return complaint
}

// refused is the sentence with which serve ends.
func refused(p *patient) string {
	p.Helper()
	s := p.begin()
	select { // it may have begun to serve before it finds the damage
	case <-s.ended:
	case <-time.After(20 * time.Second):
		p.Fatal("the service runs")
	}
	said := s.log.String()
	last := said[strings.LastIndex(strings.TrimSuffix(said, "\n"), "\n")+1:]
	if s.code != cli.ExitFailed || !strings.HasPrefix(last, "jangbu: ") {
		p.Errorf("serve ends with %d, and with the line %q", s.code, last)
	}
	return last
}

// unready is what /readyz says of a service that runs and is not ready.
func unready(p *patient) (said string) {
	p.Helper()
	s := p.serve()
	defer s.end()
	waitFor(p.T, 10*time.Second, func() string {
		status, ready := s.ask(p.T, strings.Replace(s.admin, "/metrics", "/readyz", 1))
		if said = string(ready); status == http.StatusOK {
			return "/readyz says " + said
		}
		return ""
	})
	return said
}

// logged waits until a service has mended it, and returns what it logged, and what /readyz says.
func logged(words string) func(*patient) string {
	return func(p *patient) (said string) {
		p.Helper()
		s := p.serve()
		defer s.end()
		waitFor(p.T, 2*time.Minute, func() string {
			_, ready := s.ask(p.T, strings.Replace(s.admin, "/metrics", "/readyz", 1))
			if said = s.log.String() + string(ready); !strings.Contains(said, words) {
				return "it says " + said
			}
			return p.differs(s)
		})
		return said
	}
}

// heldBack is logged, where nothing wrong may be served meanwhile: each dashboard is right, or is
// not served.
func heldBack(words string) func(*patient) string {
	return func(p *patient) (said string) {
		p.Helper()
		s := p.serve()
		defer s.end()
		waitFor(p.T, 2*time.Minute, func() string {
			right := true
			for id, want := range p.served {
				status, got := s.ask(p.T, s.api+"/api/events/"+id+"/analytics")
				right = right && status == http.StatusOK
				if status != http.StatusServiceUnavailable && (status != http.StatusOK || lasting(got) != want) {
					p.Errorf("%s is served with status %d: %s", id, status, got)
				}
			}
			// Until a cache has seen that the rows are held back, it goes on with the last ones.
			ready, _ := s.ask(p.T, strings.Replace(s.admin, "/metrics", "/readyz", 1))
			if said = s.log.String(); !right || ready != http.StatusOK || !strings.Contains(said, words) {
				return "it says " + said
			}
			return ""
		})
		return said
	}
}

// letterOf has a service take in a registration of the campaign, and returns what its log and the
// dead letters say.
func letterOf(id string) func(*patient) string {
	return func(p *patient) (said string) {
		p.Helper()
		s := p.serve()
		defer s.end()
		s.produce(p.T, record("participant-registered", id, fmt.Sprintf(`{"participantId":"p-0","eventId":%q,"phoneNumber":"010-1234-0000","registeredAt":"2026-03-02T10:00:00+09:00","channel":"naver","newCustomer":true,"gender":"F","ageGroup":"20s","region":"서울"}`, id)))
		s.settled(p.T, events.Totals{DeadLettered: 4}, 20*time.Second)
		out, _, _ := p.command("deadletters", "list")
		return out + s.log.String()
	}
}

// restoreKeyOf puts entries of the key store back, and has the dead letters pass.
func restoreKeyOf(ids ...string) func(*patient) {
	return func(p *patient) {
		p.Helper()
		p.restore("keys")
		p.command("deadletters", "retry", "--why", "a test", "--with-reason", "key")
	}
}
