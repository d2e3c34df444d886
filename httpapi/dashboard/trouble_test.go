package dashboard_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// run runs a command of the program to its end.
func run(t *testing.T, args ...string) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestTrouble: of a service in which the counting is paused, that is frozen, in which the
// campaign moves to another shop, and whose key is withdrawn, the page says so within the time
// that is promised.
func TestTrouble(t *testing.T) {
	t.Parallel()
	services.Chromium(t) // without one there is nothing to start it for
	dir := t.TempDir()
	secret := filepath.Join(dir, "jwt.secret")
	token := run(t, "token", "--jwt-secret-file", secret, "--create", "--shop", "store-1")
	s := startServe(t, "--jwt-secret-file", secret, "--jwt-issuer", "jangbu", "--jwt-audience", "jangbu", "--data-dir", dir)
	s.produce(t, append(registered(t, "evt-2", 0, 5, time.Now(), 0), created(t, "evt-2", "store-1", "겨울 감사 이벤트"))...)
	s.produce(t, append(registered(t, "evt-1", 0, 7, time.Now(), 0), created(t, "evt-1", "store-1", "가을 감사 이벤트"))...)
	s.token = token
	s.participants(t, "evt-2", 5)
	s.participants(t, "evt-1", 7)
	tb := open(t, 1280, "light", s.api+"/#/events/evt-1?token="+token)
	tb.wait(t, participantsSaid+` === '7명'`)
	tb.shows(t, ".pill", "실시간")

	run(t, "projections", "pause", "--all", "--why", "test", "--data-dir", dir)
	s.produce(t, registered(t, "evt-1", 7, 1, time.Now(), 0)...)
	tb.within(t, "집계를 잠시 멈췄습니다")
	run(t, "projections", "resume", "--all", "--data-dir", dir)
	tb.wait(t, participantsSaid+` === '8명'`)
	tb.within(t, "실시간")

	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	tb.within(t, "서버가 응답하지 않습니다")
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	tb.within(t, "실시간")

	run(t, "campaigns", "move", "--campaign", "evt-1", "--shop", "store-2", "--why", "the shop was sold", "--data-dir", dir)
	began := time.Now()
	tb.shows(t, "h1", "볼 수 있는 이벤트가 아닙니다")
	if took := time.Since(began); took > promised {
		t.Errorf("a campaign that has moved is shown for %v more", took)
	}

	tb.goTo(t, s.api+"/#/events/evt-2")
	tb.wait(t, participantsSaid+` === '5명'`)
	tb.shows(t, ".pill", "실시간")
	if err := os.WriteFile(secret, []byte(strings.Repeat("another key", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	tb.within(t, "로그인이 끝났습니다")
	if got := eval[string](t, tb, participantsSaid); got != "5명" {
		t.Errorf("after its key was withdrawn the card says %q", got)
	}
}

// TestStoppedDatabase: while the database of a service cannot be reached the page says so, with
// how old its numbers are, and it is live again afterwards.
func TestStoppedDatabase(t *testing.T) {
	t.Parallel()
	services.Chromium(t)
	at, err := url.Parse(services.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := services.StartProxy(t, "postgres", at.Host)
	at.Host = proxy.Listen
	dir := t.TempDir()
	key := filepath.Join(dir, "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "--insecure-no-auth", "--data-dir", dir, "--database-url", at.String(), "--master-key-file", key)
	s.produce(t, append(registered(t, "evt-1", 0, 7, time.Now(), 0), created(t, "evt-1", "store-1", "가을 감사 이벤트"))...)
	s.participants(t, "evt-1", 7)
	tb := open(t, 1280, "light", s.api+"/#/events/evt-1")
	tb.wait(t, participantsSaid+` === '7명'`)
	tb.shows(t, ".pill", "실시간")
	proxy.Stop()
	tb.within(t, "초 전 숫자")
	if text := tb.text(t, ".pill"); strings.Contains(text, "실시간") {
		t.Errorf("over a stopped database the page says %q", text)
	}
	if got := eval[string](t, tb, participantsSaid); got != "7명" {
		t.Errorf("meanwhile the card says %q", got)
	}

	// One that is opened meanwhile has what was last read, and says so.
	began := time.Now()
	late := open(t, 400, "light", s.api+"/#/events/evt-1")
	late.wait(t, participantsSaid+` === '7명'`)
	late.shows(t, ".pill", "새 숫자를 잠시 불러오지 못합니다 · ")
	for time.Since(began) < 3*time.Second {
		if text := late.text(t, ".pill"); !strings.HasPrefix(text, "새 숫자를") || strings.HasSuffix(text, " 0초 전 숫자") {
			t.Fatalf("a page that is opened over a stopped database says %q", text)
		}
	}
	proxy.Listen = at.Host
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	tb.shows(t, ".pill", "실시간")
	late.shows(t, ".pill", "실시간")
}
