package service

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"jangbu/cmd/jangbu/stores"
	cacheredis "jangbu/readmodel/cache/redis"
)

// redisConfig is the flags that say where the Redis is that processes share.
type redisConfig struct {
	RedisURL          string           `env:"JANGBU_REDIS_URL" placeholder:"URL" help:"Redis that the processes share as a read cache: redis://… or rediss://…. Without one, one runs embedded."`
	RedisPasswordFile string           `env:"JANGBU_REDIS_PASSWORD_FILE" placeholder:"FILE" help:"Password of the user that the URL names, or of the default one: a file readable by its owner only."`
	RedisTLSFiles     stores.TLSConfig `embed:"" prefix:"redis-tls-" envprefix:"JANGBU_REDIS_TLS_"`
}

// validate reports each flag that is wrong.
func (c redisConfig) validate(wrong func(flag, format string, args ...any)) {
	u, err := url.Parse(c.RedisURL)
	if c.RedisURL != "" && (err != nil || u.Scheme != "redis" && u.Scheme != "rediss") {
		wrong("redis-url", "expected redis://HOST:PORT or rediss://HOST:PORT")
		return
	}
	if c.RedisPasswordFile != "" {
		if c.RedisURL == "" {
			wrong("redis-url", "required with --redis-password-file")
		} else if _, set := u.User.Password(); set {
			wrong("redis-password-file", "the URL has a password too: take it out of the URL")
		}
		if _, err := stores.ReadSecret(c.RedisPasswordFile); err != nil {
			wrong("redis-password-file", "%v", err)
		}
	}
	if c.RedisTLSFiles.Given() && !strings.HasPrefix(c.RedisURL, "rediss://") {
		wrong("redis-url", "expected rediss://HOST:PORT with the --redis-tls-… flags")
	}
	c.RedisTLSFiles.Check("redis-tls-", wrong)
}

// options returns how the Redis is reached. Its password and certificates are read for each
// connection.
func (c redisConfig) options() (*redis.Options, error) {
	o, err := cacheredis.Options(c.RedisURL)
	if err != nil {
		return nil, err
	}
	if c.RedisPasswordFile != "" {
		user := o.Username
		o.CredentialsProviderContext = func(context.Context) (string, string, error) {
			password, err := stores.ReadSecret(c.RedisPasswordFile)
			return user, string(password), err
		}
	}
	if o.TLSConfig != nil {
		skip := o.TLSConfig.InsecureSkipVerify // the URL asks for it
		o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
			config, err := c.RedisTLSFiles.Client()
			if err != nil {
				return nil, err
			}
			config.InsecureSkipVerify = skip
			to := tls.Dialer{NetDialer: &net.Dialer{Timeout: o.DialTimeout}, Config: config}
			return to.DialContext(ctx, network, address)
		}
	}
	return o, nil
}
