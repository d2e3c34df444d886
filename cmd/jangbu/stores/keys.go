package stores

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/pglog"
	"jangbu/events/postgres"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

// MasterKeyVariable is the environment variable that may hold the master key itself. There
// is no such flag, because every user of the machine can read a command line.
const MasterKeyVariable = "JANGBU_MASTER_KEY"

// KeyConfig is the flag that says where the master key is.
type KeyConfig struct {
	MasterKeyFile string `env:"JANGBU_MASTER_KEY_FILE" placeholder:"FILE" help:"Key that wraps the campaigns' keys: 32 bytes in base64, readable by its owner only. Required where the log is on PostgreSQL (or JANGBU_MASTER_KEY, the key itself)."`
}

// errNoMasterKey says that the key has not been made yet.
var errNoMasterKey = errors.New("there is no master key")

// MasterKey loads the master key. Beside a log on SQLite it makes one if there is none and
// no keys depend on it; elsewhere other processes need the same key, so it makes none.
func (c KeyConfig) MasterKey(at *Config) (privacy.MasterKey, error) {
	key, err := c.ExistingMasterKey(at)
	if !errors.Is(err, errNoMasterKey) {
		return key, err
	}
	if _, err := os.Stat(at.KeysPath()); err == nil {
		return privacy.MasterKey{}, fmt.Errorf("%s is gone, but %s was made with it: put the key back", at.masterKeyPath(), at.KeysPath())
	}
	if key, err = privacy.CreateMasterKey(at.masterKeyPath()); errors.Is(err, fs.ErrExist) { // by another process
		return privacy.LoadMasterKey(at.masterKeyPath())
	}
	return key, err
}

// ExistingMasterKey loads the master key, and makes none.
func (c KeyConfig) ExistingMasterKey(at *Config) (privacy.MasterKey, error) {
	if c.MasterKeyFile != "" {
		return privacy.LoadMasterKey(c.MasterKeyFile)
	}
	if text := os.Getenv(MasterKeyVariable); text != "" {
		return privacy.ParseMasterKey(text)
	}
	if at.LogPlace().Postgres != "" {
		return privacy.MasterKey{}, fmt.Errorf("%w: --master-key-file: required where the log is on PostgreSQL; make one with: "+
			"(umask 077 && head -c 32 /dev/urandom | base64 > master.key)", cli.ErrUsage)
	}
	if _, err := os.Stat(at.masterKeyPath()); err != nil {
		return privacy.MasterKey{}, fmt.Errorf("%w at %s; --master-key-file says where it is", errNoMasterKey, at.masterKeyPath())
	}
	return privacy.LoadMasterKey(at.masterKeyPath())
}

// CacheKeyConfig is the flag that says where the key is that is derived from the master key, for
// processes without that one.
type CacheKeyConfig struct {
	CacheKeyFile string `env:"JANGBU_CACHE_KEY_FILE" placeholder:"FILE" help:"Key that authenticates what is in a Redis, and hashes subjects of tokens that identify persons, as jangbu privacy cache-key derives it. Without one it is derived from the master key."`
}

// CacheKey loads that key: from its file, or derived from the master key, which is made where
// MasterKey makes one. what says what needs it.
func (c CacheKeyConfig) CacheKey(at *Config, keys KeyConfig, what string) (privacy.CacheKey, error) {
	if c.CacheKeyFile != "" {
		return privacy.LoadCacheKey(c.CacheKeyFile)
	}
	master, err := keys.MasterKey(at)
	switch {
	case errors.Is(err, cli.ErrUsage):
		return privacy.CacheKey{}, fmt.Errorf("%w: --cache-key-file: required %s where there is no master key "+
			"(--master-key-file); derive it from that with: jangbu privacy cache-key --into cache.key", cli.ErrUsage, what)
	case err != nil:
		return privacy.CacheKey{}, fmt.Errorf("master key: %w", err)
	}
	return master.CacheKey()
}

// SubjectKey loads the key that hashes subjects of tokens, derived from that of the cache. It makes
// no key: where there is none, it returns none and no error.
func (c CacheKeyConfig) SubjectKey(at *Config, keys KeyConfig) (events.SubjectKey, error) {
	if c.CacheKeyFile == "" {
		if _, err := keys.ExistingMasterKey(at); errors.Is(err, cli.ErrUsage) || errors.Is(err, errNoMasterKey) {
			return events.SubjectKey{}, nil
		}
	}
	key, err := c.CacheKey(at, keys, "")
	if err != nil {
		return events.SubjectKey{}, err
	}
	return key.SubjectKey()
}

// MadeKeyPath returns the file of the master key that is made beside a log on SQLite; empty
// where the log is elsewhere, or a flag or the environment names another master key.
func (c KeyConfig) MadeKeyPath(at *Config) string {
	if c.MasterKeyFile != "" || os.Getenv(MasterKeyVariable) != "" || at.LogPlace().Postgres != "" {
		return ""
	}
	return at.masterKeyPath()
}

// masterKeyPath returns where the master key is by default, if the log is on SQLite.
func (c *Config) masterKeyPath() string { return filepath.Join(c.DataDir, "master.key") }

// KeysPath returns where the campaigns' keys are, if the log is on SQLite.
func (c *Config) KeysPath() string { return filepath.Join(c.DataDir, "keys.db") }

// OpenKeys opens the campaigns' keys beside their log, whose connections they use, and makes their
// store if there is none; it returns [cli.ErrNothing] then where they are only read. The log is closed after them.
func (c *Config) OpenKeys(ctx context.Context, log events.Log) (keys events.Keys, closeKeys func() error, err error) {
	if at := c.LogPlace(); at.Postgres != "" {
		most, _ := c.connections()
		beside, _ := log.(*pglog.Log) // else they have as many of their own
		pg, err := pglog.OpenKeys(ctx, at.Postgres, pglog.Options{Password: c.password(at.Postgres), Connections: most, Beside: beside, ReadOnly: c.ReadOnly})
		if errors.Is(err, postgres.ErrMissing) {
			return nil, nil, fmt.Errorf("%w: there is no key store", cli.ErrNothing)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("open key store: %w", err)
		}
		return pg, func() error { pg.Close(); return nil }, nil
	}
	open := sqlitelog.OpenKeys
	if c.ReadOnly {
		open = sqlitelog.ReadKeys
	}
	lite, err := open(ctx, c.KeysPath())
	if err != nil {
		return nil, nil, fmt.Errorf("open key store: %w", err)
	}
	return lite, lite.Close, nil
}

// OpenKeeper opens the keys of the campaigns of a log, and their store, for a command beside the
// service. It makes neither; in a trial, no key either.
func (c KeyConfig) OpenKeeper(ctx context.Context, log events.Log, at *Config, trial bool) (*privacy.Keeper, events.Keys, func() error, error) {
	master, err := c.ExistingMasterKey(at)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("master key: %w", err)
	}
	if at.LogPlace().Postgres == "" {
		if _, err := os.Stat(at.KeysPath()); err != nil {
			return nil, nil, nil, fmt.Errorf("there is no key store at %s; --data-dir says where it is", at.KeysPath())
		}
	}
	keys, closeKeys, err := at.OpenKeys(ctx, log)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := privacy.CheckKeys(ctx, keys, log); err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("%w: restore the key store", err), closeKeys())
	}
	opened := keys
	if trial {
		opened = privacy.Unwritten(keys)
	}
	keeper, err := privacy.Open(ctx, opened, master)
	if err != nil {
		return nil, nil, nil, errors.Join(err, closeKeys())
	}
	return keeper, keys, closeKeys, nil
}
