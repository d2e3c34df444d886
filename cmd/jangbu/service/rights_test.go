package service

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/httpapi/auth"
)

// rightsEnd is how soon streams end whose right was withdrawn, and requests are refused.
const rightsEnd = 15 * time.Second

// TestRightsAreWithdrawn: a right that is withdrawn with the log ends streams and is refused to
// requests, of the tokens that had it, within 15 s; others go on.
func TestRightsAreWithdrawn(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.authConfig = authConfig{JWTSecretFile: []string{filepath.Join(t.TempDir(), "secret")}, JWTIssuer: "i", JWTAudience: "a"}
	if err := tokens.CreateSecret(cfg.JWTSecretFile[0]); err != nil {
		t.Fatal(err)
	}
	secrets, err := tokens.ReadSecrets(cfg.JWTSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(subject string, issued time.Time) string {
		who := auth.Identity{Subject: subject, Role: auth.Owner, Shops: []events.Shop{"store-1", "store-2"}}
		token, err := who.Sign(secrets[0], "i", "a", issued, issued.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	b := setup(t, cfg)
	b.produce(t, record(cfg.TopicEventCreated, "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"봄","objective":"x"}`))
	b.produce(t, record(cfg.TopicEventCreated, "evt-2", `{"eventId":"evt-2","storeId":"store-2","title":"봄","objective":"x"}`))
	ask := func(path, token string) (int, io.ReadCloser) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.httpAddr+"/api/events/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode, res.Body
	}
	status := func(path, token string) int {
		code, body := ask(path, token)
		_ = body.Close()
		return code
	}
	issued := time.Now().Add(-time.Minute)
	kim, lee, park := sign("kim", issued), sign("lee", issued), sign("park", issued)
	mail, phone := sign("choi@example.com", issued), sign("010-1234-5678", issued)
	key, err := cfg.subjectKey() // of the master key that the service has made
	if err != nil || key == (events.SubjectKey{}) {
		t.Fatalf("no key: %v", err)
	}
	subject := func(name string) events.Subject {
		s, err := key.Subject(name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, path := range []string{"evt-1/analytics", "evt-2/analytics"} {
		waitFor(t, time.Minute, func() string {
			if code := status(path, kim); code != http.StatusOK {
				return http.StatusText(code)
			}
			return ""
		})
	}
	// What ends, and what goes on.
	ended := make(chan string, 6)
	open := func(path, token, name string) {
		code, body := ask(path+"/analytics/stream", token)
		if code != http.StatusOK {
			t.Fatalf("%s: status %d", name, code)
		}
		go func() {
			_, _ = io.Copy(io.Discard, body)
			ended <- name
		}()
	}
	open("evt-1", kim, "everything")
	open("evt-1", lee, "the shop")
	open("evt-2", lee, "another shop of the same")
	open("evt-1", park, "another subject")
	open("evt-1", mail, "a person")
	open("evt-2", phone, "another person")
	for _, w := range []events.WithdrawnRight{{Subject: subject("kim")}, {Subject: subject("lee"), Shop: "store-1"}, {Subject: subject("choi@example.com")}} {
		w.Who, w.Why = "me@here", "test"
		if _, err := b.Service.log.Rights().Withdraw(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.After(rightsEnd)
	for range 3 {
		select {
		case name := <-ended:
			if name != "everything" && name != "the shop" && name != "a person" {
				t.Errorf("ended: %s", name)
			}
		case <-deadline:
			t.Fatal("a stream goes on after its right")
		}
	}
	for _, c := range []struct {
		path, token string
		want        int
	}{
		{"evt-1/analytics", kim, 401},
		{"evt-1/analytics", lee, 404},
		{"evt-2/analytics", lee, 200},
		{"evt-1/analytics", park, 200},
		{"evt-1/analytics", mail, 401},
		{"evt-2/analytics", phone, 200},
		{"evt-1/analytics", sign("kim", time.Now()), 401},
	} {
		if got := status(c.path, c.token); got != c.want {
			t.Errorf("%s: status %d, want %d", c.path, got, c.want)
		}
	}
	select {
	case name := <-ended:
		t.Errorf("ended, too: %s", name)
	default:
	}
}

// TestSubjectsInPlainAreHashed: a service that has the key hashes the subjects that an earlier
// release has recorded in plain, and leaves no byte of them in the files of the database; what
// was withdrawn stays so (I10).
func TestSubjectsInPlainAreHashed(t *testing.T) {
	t.Parallel()
	const plain = "lee5512@example.org"
	earlier := func(t *testing.T, cfg Config, exec func(statement string) error) {
		t.Helper()
		log, closeLog, err := cfg.OpenLog(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		subject, err := events.SubjectKey{}.Subject("kim")
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			_, err = log.Rights().Withdraw(t.Context(), events.WithdrawnRight{Subject: subject, Who: "me@here", Why: "test"})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(exec(`UPDATE withdrawn_rights SET subject = '`+plain+`'`), closeLog()); err != nil {
			t.Fatal(err)
		}
	}
	hashed := func(t *testing.T, b *bundle) {
		t.Helper()
		key, err := b.cfg.subjectKey()
		if err != nil {
			t.Fatal(err)
		}
		all, err := b.Service.log.Rights().Withdrawn(t.Context(), time.Time{})
		if err != nil || len(all) != 20 || all[0].Subject != key.Hashed(plain) {
			t.Errorf("%v, %v", all, err)
		}
		if n := strings.Count(b.log.String(), "are hashed"); n != 1 {
			t.Errorf("said %d times", n)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t.TempDir())
		path := filepath.Join(cfg.DataDir, "log.db")
		earlier(t, cfg, func(statement string) error {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				return err
			}
			_, err = db.ExecContext(t.Context(), statement)
			return errors.Join(err, db.Close())
		})
		if content, err := os.ReadFile(path); err != nil || !strings.Contains(string(content), plain) {
			t.Fatalf("the file does not hold what it should: %v", err)
		}
		// Without the key the service leaves them, and makes none for them.
		cfg.Role = []string{roleProject}
		first, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Stop(); err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(path); err != nil || !strings.Contains(string(content), plain) {
			t.Errorf("without a key: %v", err)
		}
		cfg.Role = []string{"all"}
		hashed(t, setup(t, cfg))
		for _, file := range []string{path, path + "-wal"} {
			if content, err := os.ReadFile(file); err != nil || strings.Contains(string(content), plain) {
				t.Errorf("%s holds the subject: %v", file, err)
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL, cfg.MasterKeyFile = services.Database(t), filepath.Join(t.TempDir(), "master.key")
		if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), cfg.DatabaseURL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		holds := func() bool {
			t.Helper()
			var content []byte
			if _, err := conn.Exec(t.Context(), `CHECKPOINT`); err != nil {
				t.Fatal(err)
			}
			if err := conn.QueryRow(t.Context(), `SELECT pg_read_binary_file(pg_relation_filepath('jangbu_log.withdrawn_rights'))`).Scan(&content); err != nil {
				t.Fatal(err)
			}
			return strings.Contains(string(content), plain)
		}
		earlier(t, cfg, func(statement string) error {
			_, err := conn.Exec(t.Context(), `SET search_path = jangbu_log; `+statement)
			return err
		})
		if !holds() {
			t.Fatal("the file does not hold what it should")
		}
		hashed(t, setup(t, cfg))
		if holds() {
			t.Error("the file holds the subject")
		}
	})
}
