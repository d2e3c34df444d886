package wooridongnetv

import (
	"encoding/json"
	"testing"
)

// FuzzDecode looks for answers that are believed and are no JSON, or hold a
// member twice; and for what makes the decoder panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"impressions":5000,"views":1200}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		reports, err := decode(body, "evt-1")
		if err == nil && !json.Valid(body) {
			t.Errorf("%q is believed", body)
		}
		for _, r := range reports {
			if r.Campaign != "evt-1" || !r.Channel.Known() {
				t.Errorf("%q: report %+v", body, r)
			}
		}
	})
}
