package kafka

import "github.com/IBM/sarama"

// ClientSettings returns the settings of every connection.
func ClientSettings(c Config) (*sarama.Config, error) { return c.client() }

// Shares returns how many records the next frame of each partition may have when they are so many
// records behind.
func Shares(behind ...int64) []int {
	s := session{behind: make(map[int32]int64)}
	shares := make([]int, len(behind))
	for range 2 { // once all are known
		for p, n := range behind {
			shares[p] = s.share(int32(p), n)
		}
	}
	return shares
}

// MaxFrameRecords and MaxFrameBytes bound a frame.
const (
	MaxFrameRecords = maxFrameRecords
	MaxFrameBytes   = maxFrameRecords * bytesEach
)
