package kafka

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/IBM/sarama"
)

// dialer makes encrypted connections. sarama's own settings of TLS are those of a client's
// whole life; these are read anew for each connection.
type dialer struct {
	of     *sarama.Config
	config func() (*tls.Config, error)
}

// Dial implements the dialer of [sarama.Config]. Its timeout includes the handshake.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	config, err := d.config()
	if err != nil {
		return nil, err
	}
	to := tls.Dialer{NetDialer: &net.Dialer{Timeout: d.of.Net.DialTimeout}, Config: config}
	return to.DialContext(context.Background(), network, address)
}
