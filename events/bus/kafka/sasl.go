package kafka

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// The mechanisms of [SASL].
const (
	Plain       = "plain"
	ScramSHA256 = "scram-sha-256"
	ScramSHA512 = "scram-sha-512"
	OAuthBearer = "oauthbearer"
)

// SASL is how clients tell the brokers who they are. Clients may share one, and with it a
// token; its exported fields must not change then.
type SASL struct {
	// Mechanism is one of [Plain], [ScramSHA256], [ScramSHA512] and [OAuthBearer].
	Mechanism string
	// User is the name of the user; with OAuthBearer, the client ID at the token's issuer.
	User string
	// Password returns the user's password, or the client's secret. It is called for each
	// connection, so that a password can be replaced while clients run; with Plain for each
	// client, and with OAuthBearer for each token.
	Password func() (string, error)
	// TokenURL is where OAuthBearer gets tokens, by client credentials (RFC 6749, section
	// 4.4), and Scopes what these ask for, if anything.
	TokenURL string
	Scopes   []string

	mu    sync.Mutex
	token *oauth2.Token // guarded by mu: the last one
}

// errForbidden is the error of a name or a password that no server can compare.
var errForbidden = errors.New("sasl: the user's name or password has characters that SCRAM forbids (RFC 4013)")

// tokenTimeout bounds how long the issuer of tokens is waited for.
const tokenTimeout = 5 * time.Second

// check returns what is wrong with s.
func (s *SASL) check() error {
	switch {
	case !slices.Contains([]string{Plain, ScramSHA256, ScramSHA512, OAuthBearer}, s.Mechanism):
		return fmt.Errorf("sasl: %q is none of %s, %s, %s, %s", s.Mechanism, Plain, ScramSHA256, ScramSHA512, OAuthBearer)
	case s.User == "":
		return errors.New("sasl: user: none given")
	case s.Password == nil:
		return errors.New("sasl: password: none given")
	case s.Mechanism == OAuthBearer:
		return CheckTokenURL(s.TokenURL)
	}
	return nil
}

// configure sets how a client's connections authenticate.
func (s *SASL) configure(sc *sarama.Config) error {
	to := &sc.Net.SASL
	to.Enable, to.User = true, s.User
	to.Password = "read for each connection" // sarama wants one
	switch s.Mechanism {
	case Plain:
		password, err := s.Password()
		if err != nil {
			return fmt.Errorf("sasl: %w", err)
		}
		to.Mechanism, to.Password = sarama.SASLTypePlaintext, password
	case ScramSHA256:
		to.Mechanism = sarama.SASLTypeSCRAMSHA256
		to.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: sha256.New, password: s.Password} }
	case ScramSHA512:
		to.Mechanism = sarama.SASLTypeSCRAMSHA512
		to.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: sha512.New, password: s.Password} }
	case OAuthBearer:
		to.Mechanism, to.TokenProvider = sarama.SASLTypeOAuth, s
	}
	return nil
}

// conversation is the client's side of one SCRAM exchange (RFC 5802).
type conversation struct {
	*scram.ClientConversation
	hash     scram.HashGeneratorFcn
	password func() (string, error)
}

// Begin implements [sarama.SCRAMClient]. It reads the password anew.
func (c *conversation) Begin(user, _, authzID string) error {
	password, err := c.password()
	if err != nil {
		return fmt.Errorf("sasl: %w", err)
	}
	client, err := c.hash.NewClient(user, password, authzID)
	if err != nil {
		return errForbidden // err may quote them
	}
	c.ClientConversation = client.NewConversation()
	return nil
}

// Token implements [sarama.AccessTokenProvider]. A token is used again until shortly before
// it expires.
func (s *SASL) Token() (*sarama.AccessToken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.token.Valid() {
		secret, err := s.Password()
		if err != nil {
			return nil, fmt.Errorf("sasl: %w", err)
		}
		client := &http.Client{Timeout: tokenTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, client) // the client bounds it
		issuer := clientcredentials.Config{ClientID: s.User, ClientSecret: secret, TokenURL: s.TokenURL, Scopes: s.Scopes}
		token, err := issuer.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("sasl: get a token: %w", unquoted(err))
		}
		s.token = token
	}
	return &sarama.AccessToken{Token: s.token.AccessToken}, nil
}

// unquoted returns a refusal of the issuer without its body, which may quote the request.
func unquoted(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.Response == nil {
		return err
	}
	if code := refused.ErrorCode; code != "" && !strings.ContainsFunc(code, func(r rune) bool { return r < 'a' && r != '_' || r > 'z' }) {
		return fmt.Errorf("the issuer answered %d, %s", refused.Response.StatusCode, code)
	}
	return fmt.Errorf("the issuer answered %d", refused.Response.StatusCode)
}

// CheckTokenURL returns what is wrong with where tokens come from: the client's secret goes
// there, so it must be encrypted, or stay on this machine.
func CheckTokenURL(s string) error {
	expected := errors.New("expected https://HOST/PATH, or http://127.0.0.1/PATH on this machine")
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return expected
	}
	if u.Scheme == "https" || u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
		return nil
	}
	return expected
}
