package service

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/channels"
	"jangbu/events/channels/api"
)

// channelConfig is the flags that say which channel APIs are polled, and how often.
type channelConfig struct {
	Wooridongnetv ChannelAPI `embed:"" prefix:"channel-wooridongnetv-" envprefix:"JANGBU_CHANNEL_WOORIDONGNETV_"`
	Genietv       ChannelAPI `embed:"" prefix:"channel-genietv-" envprefix:"JANGBU_CHANNEL_GENIETV_"`
	SNS           ChannelAPI `embed:"" prefix:"channel-sns-" envprefix:"JANGBU_CHANNEL_SNS_"`

	stores.PollConfig
	PollAfterEnd time.Duration `env:"JANGBU_POLL_AFTER_END" default:"168h" placeholder:"DURATION" help:"For how long after its end a campaign is still polled (${default})."`

	// ChannelRoots verify the certificates of the channel APIs; nil is the system's roots.
	ChannelRoots *x509.CertPool `kong:"-"`
}

// defaultPolling returns a configuration that polls no API.
func defaultPolling() channelConfig {
	return channelConfig{
		PollConfig:   stores.PollConfig{PollInterval: channels.DefaultYoungest, PollIntervalMax: channels.DefaultOldest},
		PollAfterEnd: channels.DefaultAfterEnd,
	}
}

// ChannelAPI is the flags that say how one channel API is reached.
type ChannelAPI struct {
	URL     string `name:"url" env:"URL" placeholder:"URL" help:"Base URL of the API: https://HOST[/PATH]. Without one it is not polled."`
	KeyFile string `name:"key-file" env:"KEY_FILE" placeholder:"FILE" help:"File with the API's key. Required with the URL (or the key itself in the variable that ends with KEY)."`
}

// namedAPI is a channel API and the names of its settings.
type namedAPI struct {
	ChannelAPI
	flags       string // prefix
	keyVariable string // of the environment; it may hold the key itself, which has no flag
	source      func(api.Endpoint) *api.Client
}

func (c channelConfig) apis() []namedAPI {
	return []namedAPI{
		{c.Wooridongnetv, "channel-wooridongnetv-", "JANGBU_CHANNEL_WOORIDONGNETV_KEY", api.NewWooridongneTV},
		{c.Genietv, "channel-genietv-", "JANGBU_CHANNEL_GENIETV_KEY", api.NewGenieTV},
		{c.SNS, "channel-sns-", "JANGBU_CHANNEL_SNS_KEY", api.NewSNS},
	}
}

// configured returns the APIs that have a URL.
func (c channelConfig) configured() []namedAPI {
	var given []namedAPI
	for _, a := range c.apis() {
		if a.URL != "" {
			given = append(given, a)
		}
	}
	return given
}

// Schedule returns the schedule of polls.
func (c channelConfig) Schedule() channels.Schedule {
	s := c.PollConfig.Schedule()
	s.AfterEnd = c.PollAfterEnd
	return s
}

// validate reports each flag that is wrong. A process that polls needs keys that can be
// read; without them it must not start.
func (c channelConfig) validate(polls bool, wrong func(flag, format string, args ...any)) {
	c.Check(wrong)
	if c.PollAfterEnd <= 0 {
		wrong("poll-after-end", "%v is not above 0", c.PollAfterEnd)
	}
	if !polls {
		return
	}
	for _, a := range c.apis() {
		switch _, err := a.endpoint(c.ChannelRoots); {
		case a.URL == "" && a.KeyFile != "":
			wrong(a.flags+"key-file", "is given without --%surl", a.flags)
		case a.URL != "" && err != nil:
			wrong(a.flags+"url", "%v", err)
		}
	}
}

// endpoint returns where the API is, and its key.
func (a namedAPI) endpoint(roots *x509.CertPool) (api.Endpoint, error) {
	key := os.Getenv(a.keyVariable)
	if a.KeyFile != "" {
		var err error
		if key, err = readKey(a.KeyFile); err != nil {
			return api.Endpoint{}, err
		}
	}
	if key == "" {
		return api.Endpoint{}, fmt.Errorf("needs a key: --%skey-file, or the key itself in %s", a.flags, a.keyVariable)
	}
	return api.NewEndpoint(a.URL, api.NewSecret(key), roots)
}

// maxKeyBytes bounds the key of a channel API.
const maxKeyBytes = 4096

func readKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyBytes+1))
	if err = cmp.Or(err, f.Close()); err != nil {
		return "", fmt.Errorf("read key: %w", err)
	}
	if len(text) > maxKeyBytes {
		return "", errors.New("read key: " + path + " is longer than 4096 bytes, which no key is")
	}
	return string(text), nil
}
