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
	RedisURL          string           `env:"JANGBU_REDIS_URL" placeholder:"URL" help:"Redis that the processes share as a read cache: redis://…, rediss://…, redis-sentinel://SENTINEL:PORT,…/MASTER, or of a cluster redis-cluster://NODE:PORT,… or rediss-cluster://…. Without one, one runs embedded."`
	RedisPasswordFile string           `env:"JANGBU_REDIS_PASSWORD_FILE" placeholder:"FILE" help:"Password of the user that the URL names, or of the default one: a file readable by its owner only."`
	RedisTLSFiles     stores.TLSConfig `embed:"" prefix:"redis-tls-" envprefix:"JANGBU_REDIS_TLS_"`
}

// validate reports each flag that is wrong.
func (c redisConfig) validate(wrong func(flag, format string, args ...any)) {
	of, _ := c.servers()
	u, err := url.Parse(of)
	if c.RedisURL != "" && (err != nil || u.Scheme != "redis" && u.Scheme != "rediss") {
		wrong("redis-url", "expected redis://HOST:PORT, rediss://HOST:PORT, redis-sentinel://HOST:PORT,…/MASTER, redis-cluster://HOST:PORT,… or rediss-cluster://HOST:PORT,…")
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
	if c.RedisTLSFiles.Given() && u.Scheme != "rediss" {
		wrong("redis-url", "expected rediss://HOST:PORT or rediss-cluster://HOST:PORT,… with the --redis-tls-… flags")
	}
	c.RedisTLSFiles.Check("redis-tls-", wrong)
}

// servers returns the URL of the Redis, and the addresses that its URL names where those are of
// Sentinels, which know where the master is, or of nodes of a cluster, where no master is named.
func (c redisConfig) servers() (of string, several *cacheredis.Servers) {
	u, err := url.Parse(c.RedisURL)
	if err != nil {
		return c.RedisURL, nil
	}
	scheme, kind, _ := strings.Cut(u.Scheme, "-")
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if u.Scheme != "redis-sentinel" && kind != "cluster" || (kind == "cluster") != (master == "") {
		return c.RedisURL, nil
	}
	several = &cacheredis.Servers{Addresses: strings.Split(u.Host, ","), Master: master}
	for _, address := range several.Addresses {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return c.RedisURL, nil
		}
	}
	u.Scheme, u.Host, u.Path = scheme, several.Addresses[0], "/"+db
	return u.String(), several
}

// client returns a client of the Redis.
func (c redisConfig) client() (redis.UniversalClient, error) {
	of, several := c.servers()
	o, err := c.options(of)
	if err != nil {
		return nil, err
	}
	if several != nil {
		return several.Client(o), nil
	}
	return redis.NewClient(o), nil
}

// options returns how a Redis is reached. Its password and certificates are read for each
// connection.
func (c redisConfig) options(at string) (*redis.Options, error) {
	o, err := cacheredis.Options(at)
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
