package service

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"jangbu/cmd/jangbu/stores"
)

// certificate is that of a server, as its files have it. Where they cannot be used, as when one
// has been replaced and the other not yet, the last one that could be is served.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu   sync.Mutex
	seen string           // guarded by mu: what tells the files that were read from later ones
	pair *tls.Certificate // guarded by mu
}

// openCertificate returns nil where no files are named.
func openCertificate(certFile, keyFile string, logger *slog.Logger) (*certificate, error) {
	if certFile == "" {
		return nil, nil
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, logger: logger}
	c.seen = c.look()
	return c, c.read()
}

// config returns the settings of a server with the certificate.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if now := c.look(); now != c.seen {
				c.seen = now
				if err := c.read(); err != nil {
					c.logger.LogAttrs(context.Background(), slog.LevelError, "certificate: files have changed and cannot be used; the former one is served", slog.Any("error", err))
				}
			}
			return c.pair, nil
		},
	}
}

// look returns what changes with the files.
func (c *certificate) look() string {
	var all strings.Builder
	for _, file := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintln(&all, info.ModTime().UnixNano(), info.Size(), info.Mode())
		}
	}
	return all.String()
}

func (c *certificate) read() error {
	pair, err := stores.ReadCertificate(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair = &pair
	c.logger.LogAttrs(context.Background(), slog.LevelInfo, "certificate: read", slog.Any("names", pair.Leaf.DNSNames), slog.Time("until", pair.Leaf.NotAfter))
	return nil
}
