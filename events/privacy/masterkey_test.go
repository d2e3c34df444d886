package privacy_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"jangbu/events/privacy"
)

func TestMasterKeyFileComesBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	created, err := privacy.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := privacy.LoadMasterKey(path)
	if err != nil || loaded != created {
		t.Errorf("LoadMasterKey = another key or %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("directory holds %v, %v; want the key alone", left, err)
	}
	if _, err := privacy.CreateMasterKey(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CreateMasterKey again = %v, want %v", err, fs.ErrExist)
	}
	if again, err := privacy.LoadMasterKey(path); err != nil || again != created {
		t.Errorf("the key was replaced, or %v", err)
	}
}

// TestMasterKeyFileIsReplaced, also where an earlier call was killed at any of its steps.
func TestMasterKeyFileIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, next, former := filepath.Join(dir, "master.key"), filepath.Join(dir, "master.key.new"), filepath.Join(dir, "master.key.former")
	before, err := privacy.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	for round, killed := range []func() error{
		func() error { return nil },
		func() error { return os.Remove(former) },
		func() error { return errors.Join(os.Remove(former), os.Link(path, former)) },
	} {
		after, err := privacy.CreateMasterKey(next)
		if err != nil {
			t.Fatal(err)
		}
		if err := killed(); err != nil {
			t.Fatal(err)
		}
		if err := privacy.ReplaceMasterKey(path, next, former); err != nil {
			t.Fatal(err)
		}
		check := func() {
			t.Helper()
			for file, want := range map[string]privacy.MasterKey{path: after, former: before} {
				if got, err := privacy.LoadMasterKey(file); err != nil || got != want {
					t.Errorf("round %d: %s holds another key, or %v", round, filepath.Base(file), err)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
				t.Errorf("round %d: the directory holds %v, %v", round, left, err)
			}
		}
		check()
		// By another one that has seen the former key.
		if err := os.Link(path, next); err != nil {
			t.Fatal(err)
		}
		if err := privacy.ReplaceMasterKey(path, next, former); err != nil {
			t.Fatal(err)
		}
		check()
		before = after
	}
}

func TestOneOfManyCreatesTheMasterKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	keys := make([]privacy.MasterKey, 16)
	var created sync.Map
	var running sync.WaitGroup
	for i := range keys {
		running.Go(func() {
			key, err := privacy.CreateMasterKey(path)
			switch {
			case err == nil:
				created.Store(i, true)
			case errors.Is(err, fs.ErrExist):
				// The file is whole as soon as it is there.
				if key, err = privacy.LoadMasterKey(path); err != nil {
					t.Errorf("load what another created: %v", err)
				}
			default:
				t.Errorf("create: %v", err)
			}
			keys[i] = key
		})
	}
	running.Wait()
	creators := 0
	created.Range(func(any, any) bool { creators++; return true })
	if creators != 1 {
		t.Errorf("%d created the key, want one", creators)
	}
	for i := range keys {
		if keys[i] != keys[0] {
			t.Errorf("process %d has another key than process 0", i)
		}
	}
}

func TestLoadMasterKeyRefuses(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("A", 43) + "="
	for name, c := range map[string]struct {
		text string
		mode fs.FileMode
		want string
	}{
		"readable by the group":  {good, 0o640, "chmod 600"},
		"readable by others":     {good, 0o604, "chmod 600"},
		"writable by the group":  {good, 0o620, "chmod 600"},
		"empty":                  {"", 0o600, "expected the base64 of 32"},
		"short":                  {"AAAA", 0o600, "3 bytes"},
		"long":                   {good[:43] + "AAAAA" + "=", 0o600, "base64 of 32"},
		"not base64":             {"!" + good, 0o600, "not base64"},
		"hexadecimal by mistake": {strings.Repeat("0f", 32), 0o600, "48 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "master.key")
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := privacy.LoadMasterKey(path)
			if !errors.Is(err, privacy.ErrMasterKey) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("LoadMasterKey = %v, want %v with %q", err, privacy.ErrMasterKey, c.want)
			}
			if c.text != "" && strings.Contains(err.Error(), c.text) {
				t.Errorf("%v shows the key", err)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		if _, err := privacy.LoadMasterKey(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("LoadMasterKey = %v, want %v", err, fs.ErrNotExist)
		}
	})
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		if _, err := privacy.LoadMasterKey(t.TempDir()); !errors.Is(err, privacy.ErrMasterKey) {
			t.Errorf("LoadMasterKey = %v, want %v", err, privacy.ErrMasterKey)
		}
	})
}

func TestStricterModesAreFine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := privacy.LoadMasterKey(path); err != nil {
		t.Errorf("LoadMasterKey of a file of mode 0400 = %v", err)
	}
}
