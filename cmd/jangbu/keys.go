package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/pglog"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

// masterKeyVariable holds the master key itself. It has no flag: a command
// line can be read by every user of the machine.
const masterKeyVariable = "JANGBU_MASTER_KEY"

// keyConfig says where the master key is.
type keyConfig struct {
	MasterKeyFile string `env:"JANGBU_MASTER_KEY_FILE" placeholder:"FILE" help:"Key that wraps the campaigns' keys: 32 bytes in base64, readable by its owner only. Required where the log is on PostgreSQL (or JANGBU_MASTER_KEY, the key itself)."`
}

// errNoMasterKey says that nobody has made the key yet.
var errNoMasterKey = errors.New("there is no master key")

// masterKey loads the master key, which may be made up beside a log on SQLite
// only: anywhere else another process has to know it too.
func (c keyConfig) masterKey(at *storeConfig) (privacy.MasterKey, error) {
	key, err := c.existingMasterKey(at)
	if !errors.Is(err, errNoMasterKey) {
		return key, err
	}
	if _, err := os.Stat(at.keysPath()); err == nil {
		return privacy.MasterKey{}, fmt.Errorf("%s is gone, but %s was made with it: put the key back", at.masterKeyPath(), at.keysPath())
	}
	return privacy.CreateMasterKey(at.masterKeyPath())
}

// existingMasterKey loads the master key; [errNoMasterKey] where it could be made
// up and was not.
func (c keyConfig) existingMasterKey(at *storeConfig) (privacy.MasterKey, error) {
	if c.MasterKeyFile != "" {
		return privacy.LoadMasterKey(c.MasterKeyFile)
	}
	if text := os.Getenv(masterKeyVariable); text != "" {
		return privacy.ParseMasterKey(text)
	}
	if at.logStore().postgres != "" {
		return privacy.MasterKey{}, fmt.Errorf("%w: --master-key-file: required where the log is on PostgreSQL; make one with: "+
			"(umask 077 && head -c 32 /dev/urandom | base64 > master.key)", cli.ErrUsage)
	}
	if _, err := os.Stat(at.masterKeyPath()); err != nil {
		return privacy.MasterKey{}, fmt.Errorf("%w at %s; --master-key-file says where it is", errNoMasterKey, at.masterKeyPath())
	}
	return privacy.LoadMasterKey(at.masterKeyPath())
}

// masterKeyPath is where the master key is if the log is on SQLite and nothing else
// is said.
func (c *storeConfig) masterKeyPath() string { return filepath.Join(c.DataDir, "master.key") }

// keysPath is where the campaigns' keys are if the log is on SQLite.
func (c *storeConfig) keysPath() string { return filepath.Join(c.DataDir, "keys.db") }

// openKeys opens the campaigns' keys, a store of which is made where there is none.
func (c *storeConfig) openKeys(ctx context.Context) (keys events.Keys, closeKeys func() error, err error) {
	if at := c.logStore(); at.postgres != "" {
		pg, err := pglog.OpenKeys(ctx, at.postgres)
		if err != nil {
			return nil, nil, fmt.Errorf("open key store: %w", err)
		}
		return pg, func() error { pg.Close(); return nil }, nil
	}
	lite, err := sqlitelog.OpenKeys(ctx, c.keysPath())
	if err != nil {
		return nil, nil, fmt.Errorf("open key store: %w", err)
	}
	return lite, lite.Close, nil
}
