package service

import (
	"jangbu/cmd/jangbu/stores"
	"jangbu/httpapi"
)

// gatewayConfig is the flags that say from where, and how, browsers reach the read API.
type gatewayConfig struct {
	TLSCertFile string `name:"tls-cert-file" env:"JANGBU_TLS_CERT_FILE" placeholder:"FILE" help:"Certificate of the read API, PEM, with those between it and its root: serves HTTPS. A replaced file is used from the next connection on."`
	TLSKeyFile  string `name:"tls-key-file" env:"JANGBU_TLS_KEY_FILE" placeholder:"FILE" help:"Private key of that certificate, PEM, readable by its owner only."`
	BasePath    string `env:"JANGBU_BASE_PATH" placeholder:"/PATH" help:"Path below which the read API and its page are served, where a gateway passes requests on with it."`
}

// validate reports each flag that is wrong.
func (c gatewayConfig) validate(wrong func(flag, format string, args ...any)) {
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		wrong("tls-cert-file", "give both or neither of it and --tls-key-file")
	} else if c.TLSCertFile != "" {
		if _, err := stores.ReadCertificate(c.TLSCertFile, c.TLSKeyFile); err != nil {
			wrong("tls-cert-file", "%v", err)
		}
	}
	if _, err := httpapi.ParseBasePath(c.BasePath); err != nil {
		wrong("base-path", "%q: %v", c.BasePath, err)
	}
}

// base returns the base path, which has been validated.
func (c gatewayConfig) base() string {
	base, _ := httpapi.ParseBasePath(c.BasePath)
	return base
}
