package api

import (
	"encoding/json"
	"testing"

	"jangbu/events"
)

// decoders is the decoder of each API.
func decoders() map[string]func([]byte) ([]*events.ChannelStatsFetched, error) {
	return map[string]func([]byte) ([]*events.ChannelStatsFetched, error){
		"wooridongnetv": decodeWooridongneTV, "genietv": decodeGenieTV, "sns": decodeSNS,
	}
}

// FuzzDecode looks for bodies that are accepted and are not JSON, and for those that
// make a decoder panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"impressions":5000,"views":1200}`))
	f.Add([]byte(`{"adImpressions":10000,"clicks":500}`))
	f.Add([]byte(`{"instagram":{"likes":300,"comments":50},"naver":{"views":2000},"kakao":{"shares":100}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, decode := range decoders() {
			reports, err := decode(body)
			if err == nil && !json.Valid(body) {
				t.Errorf("%s: %q is accepted", name, body)
			}
			for _, r := range reports {
				if !r.Channel.Known() {
					t.Errorf("%s: %q: report %+v", name, body, r)
				}
			}
		}
	})
}
