package privacy_test

import (
	"encoding/base64"
	"path/filepath"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/privacy"
	"jangbu/events/sqlitelog"
)

func newLog(t testing.TB) events.Log {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// TestTraceFindsWhoIsNamedInALetter holds which dead letters lose their record: those whose
// record names campaign and person, whatever form it has.
func TestTraceFindsWhoIsNamedInALetter(t *testing.T) {
	t.Parallel()
	const inner = `{"eventId":"evt-1","participantId":"p-7","phoneNumber":"010-1234-5678"}`
	for name, test := range map[string]struct {
		key, value         string
		phone, participant bool // names the person by it
		campaign           bool
	}{
		"as it should be":          {"evt-1", inner, true, true, true},
		"no key":                   {"", inner, true, true, true},
		"another spelling":         {"evt-1", `{"phone":"+82 (0)10 1234 5678"}`, true, false, true},
		"a number":                 {"evt-1", `{"phoneNumber":1012345678}`, true, false, true},
		"among other text":         {"evt-1", `{"memo":"call 010.1234.5678, please"}`, true, false, true},
		"escaped":                  {"", `{"eventId":"evt\u002d1","participantId":"p\u002d7","phoneNumber":"\u0030\u0031\u0030-1234-5678"}`, true, true, true},
		"full-width":               {"evt-1", `{"phoneNumber":"０１０-１２３４-５６７８"}`, true, false, true},
		"within an envelope":       {"", `{"specversion":"1.0","data":` + inner + `}`, true, true, true},
		"in a text":                {"", `{"payload":"{\"eventId\":\"evt-1\",\"participantId\":\"p-7\",\"phoneNumber\":\"010-1234-5678\"}"}`, true, true, true},
		"in base64":                {"", `{"data_base64":"` + base64.StdEncoding.EncodeToString([]byte(inner)) + `"}`, true, true, true},
		"cut off":                  {"evt-1", `{"participantId":"p-7","phoneNumber":"010-1234-5678`, true, true, true},
		"no JSON":                  {"", `evt-1;p-7;010-1234-5678`, true, true, true},
		"a list":                   {"evt-1", `["p-7","010-1234-5678"]`, true, true, true},
		"another person":           {"evt-1", `{"participantId":"p-70","phoneNumber":"010-1234-5679"}`, false, false, true},
		"another campaign":         {"evt-10", `{"eventId":"evt-10","participantId":"p-7","phoneNumber":"010-1234-5678"}`, true, true, false},
		"one in its key alone":     {"p-7", `{"eventId":"evt-1"}`, false, true, true},
		"an empty value":           {"evt-1", ``, false, false, true},
		"quotes and nothing else":  {"evt-1", `"""\`, false, false, true},
		"in a header of its own":   {"evt-1", `{}`, true, false, true},
		"digits that go on":        {"evt-1", `{"phoneNumber":"010-1234-56789"}`, true, false, true}, // too much rather than too little
		"a number of another sort": {"evt-1", `{"cost":12345678}`, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, keeper := newLog(t), newKeeper(t, privacy.NewMasterKey())
			record := events.Record{Topic: "t", Key: []byte(test.key), Value: []byte(test.value), Timestamp: time.Unix(1e9, 0)}
			if name == "in a header of its own" {
				record.Headers = []events.Header{{Key: "phone", Value: []byte("010-1234-5678")}}
			}
			id, sealed, err := keeper.Seal(record)
			if err != nil {
				t.Fatal(err)
			}
			letter := events.DeadLetter{ID: id, Topic: "t", Reason: events.ReasonMalformed, Sealed: sealed}
			damaged := events.DeadLetter{ID: events.ID{1}, Topic: "t", Reason: events.ReasonMalformed, Sealed: []byte{1, 2}}
			if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter, damaged}); err != nil {
				t.Fatal(err)
			}
			for _, who := range []struct {
				privacy.Person
				want bool
			}{
				{privacy.Person{Campaign: "evt-1", Phone: "+821012345678"}, test.campaign && test.phone},
				{privacy.Person{Campaign: "evt-1", Participant: "p-7"}, test.campaign && test.participant},
				{privacy.Person{Campaign: "evt-1"}, test.campaign},
			} {
				found, err := keeper.Trace(t.Context(), log, who.Person)
				if err != nil {
					t.Fatal(err)
				}
				if got := len(found.Letters) == 1; got != who.want || found.Unopened != 1 {
					t.Errorf("by phone %v, participant %v: found %+v, want %v", who.Phone != "", who.Participant != "", found, who.want)
				}
			}
		})
	}
}
