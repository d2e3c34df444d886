package kafka

import "github.com/IBM/sarama"

// ClientSettings returns the settings of every connection.
func ClientSettings(c Config) (*sarama.Config, error) { return c.client() }

// MaxFrameRecords bounds the records of a frame.
const MaxFrameRecords = maxFrameRecords
