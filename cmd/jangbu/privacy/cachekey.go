package privacy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events/privacy"
)

type cacheKeyCommand struct {
	stores.Config
	stores.KeyConfig
	Into string `aliases:"to" required:"" placeholder:"FILE" help:"File that the key is written to, readable by its owner only."`
	JSON bool   `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (cacheKeyCommand) Help() string {
	return `Derives the key that authenticates what processes share in a Redis from the master key, and
writes it to a new file. It also hashes the subjects of tokens that identify persons, where a right is
withdrawn from them: jangbu token withdraw. Processes that only read need it, as --cache-key-file, and need no
master key: it opens no dead letter and no campaign's key. Those with the master key derive
it themselves.

The same master key gives the same key. After a rotation derive it anew: until every process
has the same one, those with another one read the rows instead of Redis.

Examples:
  jangbu privacy cache-key --into cache.key
  jangbu privacy cache-key --database-url postgres://… --master-key-file master.key --into cache.key`
}

// Run writes the key. A file that holds it already stays as it is.
func (c cacheKeyCommand) Run(t cli.Terminal) error {
	if err := c.Checked(); err != nil {
		return err
	}
	master, err := c.ExistingMasterKey(&c.Config)
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	key, err := master.CacheKey()
	if err != nil {
		return err
	}
	if err := key.Save(c.Into); errors.Is(err, fs.ErrExist) {
		if there, err := privacy.LoadCacheKey(c.Into); err != nil || there != key {
			return fmt.Errorf("%s holds something else; name another file, or remove it", c.Into)
		}
	} else if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(struct {
			CacheKey string `json:"cacheKeyFile"`
		}{c.Into})
	}
	t.Printf("the key of the cache is in %s: give it as --cache-key-file to the processes without the master key", c.Into)
	return nil
}
