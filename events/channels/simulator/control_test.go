package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events/channels/simulator"
)

// control makes one request to the control server.
func (b *testBundle) control(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.ControlURL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestControl(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	b.mustGet(t, simulator.GenieTV, "e")

	for _, fault := range simulator.Faults() {
		if status, text := b.control(t, http.MethodPut, "/sns", string(fault)+"\n"); status != http.StatusNoContent || b.Ordered(simulator.SNS) != fault {
			t.Errorf("PUT %s = %d %s, ordered is %q", fault, status, text, b.Ordered(simulator.SNS))
		}
	}
	type state struct {
		Fault string `json:"fault"`
		Calls int64  `json:"calls"`
	}
	status, text := b.control(t, http.MethodGet, "/", "")
	var got map[string]state
	if err := json.Unmarshal([]byte(text), &got); status != http.StatusOK || err != nil {
		t.Fatalf("GET / = %d %s: %v", status, text, err)
	}
	want := map[string]state{"wooridongnetv": {}, "genietv": {Calls: 1}, "sns": {Fault: "slow-accept"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GET / (-want +got):\n%s", diff)
	}

	status, text = b.control(t, http.MethodPut, "/sns", "bang")
	if status != http.StatusBadRequest || b.Ordered(simulator.SNS) != simulator.SlowAccept {
		t.Errorf("PUT of an unknown fault = %d, ordered is %q", status, b.Ordered(simulator.SNS))
	}
	for _, fault := range simulator.Faults() {
		if !strings.Contains(text, string(fault)) {
			t.Errorf("%q does not name %q", text, fault)
		}
	}
	if status, text := b.control(t, http.MethodPut, "/sns", ""); status != http.StatusNoContent || b.Ordered(simulator.SNS) != "" {
		t.Errorf("PUT of nothing = %d %s, ordered is %q", status, text, b.Ordered(simulator.SNS))
	}
	b.Order(simulator.SNS, simulator.Hang)
	if status, text := b.control(t, http.MethodDelete, "/sns", ""); status != http.StatusNoContent || b.Ordered(simulator.SNS) != "" {
		t.Errorf("DELETE = %d %s, ordered is %q", status, text, b.Ordered(simulator.SNS))
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodPut, "/tv", "hang", http.StatusNotFound},
		{http.MethodDelete, "/tv", "", http.StatusNotFound},
		{http.MethodPut, "/sns/more", "hang", http.StatusNotFound},
		{http.MethodPost, "/sns", "hang", http.StatusMethodNotAllowed},
		{http.MethodPut, "/sns", strings.Repeat("hang", 1000), http.StatusBadRequest},
	} {
		if got, text := b.control(t, c.method, c.path, c.body); got != c.want {
			t.Errorf("%s %s = %d %s, want %d", c.method, c.path, got, text, c.want)
		}
	}
	for _, a := range simulator.APIs() {
		if got := b.Ordered(a); got != "" {
			t.Errorf("%s: %q is ordered by a call that was refused", a, got)
		}
	}
}
