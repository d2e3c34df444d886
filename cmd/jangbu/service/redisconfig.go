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
	RedisURL          string           `env:"JANGBU_REDIS_URL" placeholder:"URL" help:"Redis that the processes share as a read cache: redis://…, rediss://…, or redis-sentinel://SENTINEL:PORT,…/MASTER. Without one, one runs embedded."`
	RedisPasswordFile string           `env:"JANGBU_REDIS_PASSWORD_FILE" placeholder:"FILE" help:"Password of the user that the URL names, or of the default one: a file readable by its owner only."`
	RedisTLSFiles     stores.TLSConfig `embed:"" prefix:"redis-tls-" envprefix:"JANGBU_REDIS_TLS_"`
}

// validate reports each flag that is wrong.
func (c redisConfig) validate(wrong func(flag, format string, args ...any)) {
	u, err := url.Parse(c.RedisURL)
	if c.RedisURL != "" && (err != nil || u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != sentinelScheme) {
		wrong("redis-url", "expected redis://HOST:PORT, rediss://HOST:PORT or redis-sentinel://HOST:PORT,…/MASTER")
		return
	}
	if _, sentinels := c.sentinels(); c.RedisURL != "" && u.Scheme == sentinelScheme && sentinels == nil {
		wrong("redis-url", "expected redis-sentinel://HOST:PORT,…/MASTER, with /DB where it is not 0")
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

// sentinelScheme is that of a URL that names Sentinels, which know where the Redis is.
const sentinelScheme = "redis-sentinel"

// sentinels returns the URL of the Redis without its address, and how its Sentinels are asked for
// that; nil where the URL names none.
func (c redisConfig) sentinels() (of string, ask *redis.FailoverOptions) {
	u, err := url.Parse(c.RedisURL)
	if err != nil || u.Scheme != sentinelScheme {
		return c.RedisURL, nil
	}
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	ask = &redis.FailoverOptions{MasterName: master, SentinelAddrs: strings.Split(u.Host, ",")}
	for _, address := range ask.SentinelAddrs {
		if _, _, err := net.SplitHostPort(address); err != nil || master == "" {
			return c.RedisURL, nil
		}
	}
	u.Scheme, u.Host, u.Path = "redis", ask.SentinelAddrs[0], "/"+db
	return u.String(), ask
}

// client returns a client of the Redis.
func (c redisConfig) client() (*redis.Client, error) {
	of, ask := c.sentinels()
	o, err := c.options(of)
	if err != nil || ask == nil {
		return redis.NewClient(o), err
	}
	ask.Username, ask.Password, ask.DB, ask.CredentialsProviderContext = o.Username, o.Password, o.DB, o.CredentialsProviderContext
	ask.DialTimeout, ask.ReadTimeout, ask.WriteTimeout, ask.PoolTimeout, ask.ContextTimeoutEnabled = o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, true
	ask.PipelinePoolSize, ask.MaxIdleConns, ask.MaxRetries, ask.DialerRetries = o.PipelinePoolSize, o.MaxIdleConns, o.MaxRetries, o.DialerRetries
	ask.Protocol, ask.DisableIdentity = o.Protocol, o.DisableIdentity
	return redis.NewFailoverClient(ask), nil
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
