package gauntlet

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// The topics, by the names that they have unless configured otherwise.
const (
	topicCreated      = "event-created"
	topicRegistered   = "participant-registered"
	topicDistributed  = "distribution-completed"
	topicStatsFetched = "channel-stats-fetched"
)

// Topics returns the names of the topics.
func Topics() []string {
	return []string{topicCreated, topicRegistered, topicDistributed, topicStatsFetched}
}

// What must become of a record.
const (
	expectEvent  = "event"  // one event, or none where an event of the same identity was sent before
	expectLetter = "letter" // one dead letter
	expectNone   = ""       // nothing: its transaction is aborted
)

// ExpectHeader is the Kafka header of a record that says what must become of it.
const ExpectHeader = "gauntlet-expect"

// Record is one record of the traffic.
type Record struct {
	Topic, Key string
	Value      []byte
	Expect     string
}

// Traffic makes records: 5 % are sent again, 1 % are in conflict with an earlier one, 2 % break
// their contract, 3 % have extreme values. The same seed makes the same records.
type Traffic struct {
	random    *rand.Rand
	start     time.Time
	campaigns int
	made      int      // numbers participants, distributions and reports
	aborted   int      // numbers those that are never to be seen
	earlier   []Record // the last good ones, of which some are sent again
	malformed int
}

// Moved is how many campaigns, the last ones, are described once only: an operator gives them to
// other shops, after which a description that names the first shop is a dead letter.
const Moved = 3

// NewTraffic returns the traffic of the campaigns, at least 10, that begins at a time.
func NewTraffic(seed uint64, campaigns int, start time.Time) *Traffic {
	return &Traffic{random: rand.New(rand.NewPCG(seed, 19)), start: start.UTC().Truncate(time.Millisecond), campaigns: campaigns}
}

// Campaign returns the name of a campaign, from 0.
func (t *Traffic) Campaign(number int) string { return fmt.Sprintf("evt-%02d", number) }

// Opening returns what comes first: each campaign's description and distribution.
func (t *Traffic) Opening() (records []Record) {
	for n := range t.campaigns {
		records = append(records, t.described(n), t.distributed(n, t.start))
	}
	return records
}

// Next returns the next record.
func (t *Traffic) Next() Record {
	number := t.drawn()
	switch chance := t.random.IntN(1000); {
	case chance < 50 && len(t.earlier) > 0:
		return t.earlier[t.random.IntN(len(t.earlier))]
	case chance < 60 && len(t.earlier) > 0:
		if r, ok := t.conflicting(t.earlier[t.random.IntN(len(t.earlier))]); ok {
			return r
		}
		return t.registered(number, false)
	case chance < 80:
		return t.broken(number)
	case chance < 90:
		t.made++
		return t.keep(t.distributed(number, t.start.Add(time.Duration(t.made)*time.Millisecond)))
	case chance < 110:
		return t.keep(t.reported(number))
	case chance < 115 && number < t.campaigns-Moved:
		return t.described(number) // a correction: with other amounts
	case chance < 145:
		return t.keep(t.registered(number, true))
	default:
		return t.keep(t.registered(number, false))
	}
}

// Aborted returns a registration for a transaction that is aborted.
func (t *Traffic) Aborted() Record {
	t.aborted++
	r := record(topicRegistered, t.Campaign(t.drawn()), registration{
		Campaign: t.Campaign(t.drawn()), Participant: fmt.Sprintf("aborted-%d", t.aborted), Phone: "010-2345-6789",
	})
	r.Expect = expectNone
	return r
}

// drawn returns the number of a campaign; the first is as popular as all others.
func (t *Traffic) drawn() int { return t.random.IntN(t.campaigns) * t.random.IntN(2) }

// keep keeps a record that may be sent again.
func (t *Traffic) keep(r Record) Record {
	const kept = 400
	if len(t.earlier) < kept {
		t.earlier = append(t.earlier, r)
	} else {
		t.earlier[t.random.IntN(kept)] = r
	}
	return r
}

// registration is a ParticipantRegistered on the wire.
type registration struct {
	Campaign    string `json:"eventId"`
	Participant string `json:"participantId"`
	Phone       string `json:"phoneNumber"`
	At          string `json:"registeredAt,omitempty"`
	Channel     string `json:"channel,omitempty"`
	New         *bool  `json:"newCustomer,omitempty"`
	Gender      string `json:"gender,omitempty"`
	Age         string `json:"ageGroup,omitempty"`
	Region      string `json:"region,omitempty"`
	Note        string `json:"note,omitempty"` // a member that no contract lists
}

func (t *Traffic) registered(number int, extreme bool) Record {
	t.made++
	fact := registration{
		Campaign: t.Campaign(number), Participant: fmt.Sprintf("p-%d", t.made), Phone: fmt.Sprintf("010-%04d-%04d", 2000+t.random.IntN(7000), t.random.IntN(10000)),
		At:      t.start.Add(time.Duration(t.made%1000) * time.Millisecond).Format(time.RFC3339Nano),
		Channel: t.of("", "kakao", "naver", "instagram", "genietv", "wooridongnetv"),
		Gender:  t.of("", "male", "female"), Age: t.of("", "20s", "30s", "40s", "60s"), Region: t.of("", "서울", "부산"),
	}
	if t.random.IntN(3) > 0 {
		is := t.random.IntN(2) == 0
		fact.New = &is
	}
	if extreme {
		switch t.random.IntN(7) {
		case 0:
			fact.Participant = strings.Repeat("x", 200-len(fact.Participant)-1) + "-" + fact.Participant
		case 1:
			fact.Participant = "손님🎉-" + fact.Participant
		case 2:
			fact.At = "2000-01-01T00:00:00Z"
		case 3:
			fact.At = t.start.In(time.FixedZone("", 14*60*60)).Format(time.RFC3339Nano)
		case 4:
			fact.Channel = t.of("  KaKao ", "현장", "동네 게시판 앞")
		case 5:
			fact.Note = strings.Repeat("가", 20_000)
		case 6:
			fact.Phone = t.of("+82 (0)10-"+fact.Phone[4:], "+8210"+strings.ReplaceAll(fact.Phone[4:], "-", ""), "０１０-"+fact.Phone[4:])
		}
	}
	return record(topicRegistered, fact.Campaign, fact)
}

// outlet is a channel of a distribution on the wire.
type outlet struct {
	Channel string `json:"channel"`
	Cost    *int64 `json:"cost,omitempty"`
}

// distribution is a DistributionCompleted on the wire.
type distribution struct {
	Campaign string   `json:"eventId"`
	Channels []outlet `json:"distributedChannels"`
	At       string   `json:"completedAt"`
}

func (t *Traffic) distributed(number int, at time.Time) Record {
	fact := distribution{Campaign: t.Campaign(number), At: at.Format(time.RFC3339Nano)}
	for _, channel := range []string{"kakao", "naver", "instagram", "genietv", "wooridongnetv"} {
		if t.random.IntN(2) == 0 {
			fact.Channels = append(fact.Channels, outlet{channel, t.won(t.random.Int64N(500_000), 0, 1)})
		}
	}
	if len(fact.Channels) == 0 {
		fact.Channels = []outlet{{"kakao", t.won(10_000)}}
	}
	return record(topicDistributed, fact.Campaign, fact)
}

// report is a ChannelStatsFetched on the wire.
type report struct {
	Campaign    string `json:"eventId"`
	Channel     string `json:"channel"`
	At          string `json:"fetchedAt"`
	Impressions *int64 `json:"impressions,omitempty"`
	Views       *int64 `json:"views,omitempty"`
	Clicks      *int64 `json:"clicks,omitempty"`
	Likes       *int64 `json:"likes,omitempty"`
	Comments    *int64 `json:"comments,omitempty"`
	Shares      *int64 `json:"shares,omitempty"`
}

// reported returns a report of another process than the poller, which is older than any of its.
func (t *Traffic) reported(number int) Record {
	t.made++
	shares := t.random.Int64N(1 << 40)
	fact := report{Campaign: t.Campaign(number), Channel: "kakao", At: t.start.Add(-time.Hour + time.Duration(t.made)*time.Millisecond).Format(time.RFC3339Nano), Shares: &shares}
	if t.random.IntN(2) == 0 {
		views := []int64{0, 1, 1 << 53, t.random.Int64N(100_000)}[t.random.IntN(4)]
		fact.Channel, fact.Shares, fact.Views = "naver", nil, &views
	}
	return record(topicStatsFetched, fact.Campaign, fact)
}

// description is an EventCreated on the wire.
type description struct {
	Campaign  string `json:"eventId"`
	Shop      string `json:"storeId"`
	Title     string `json:"title"`
	Objective string `json:"objective"`
	Prize     *int64 `json:"prizeCost,omitempty"`
	Platform  *int64 `json:"platformCost,omitempty"`
	Expected  *int64 `json:"expectedSalesIncrease,omitempty"`
	Baseline  *int64 `json:"baselineSales,omitempty"`
	LTV       *int64 `json:"newCustomerLtv,omitempty"`
}

func (t *Traffic) described(number int) Record {
	fact := description{
		Campaign: t.Campaign(number), Shop: fmt.Sprintf("store-%d", number/4), Title: t.of("가을 이벤트", `"개업" 1주년 🎂`, strings.Repeat("긴", 500)), Objective: "신규 고객",
		Prize: t.won(t.random.Int64N(3_000_000), 0, 1<<40), Platform: t.won(t.random.Int64N(300_000)), Expected: t.won(5_000_000, 0),
		Baseline: t.won(20_000_000, 1), LTV: t.won(30_000),
	}
	return record(topicCreated, fact.Campaign, fact)
}

// won returns one of the amounts, or none.
func (t *Traffic) won(amounts ...int64) *int64 {
	if t.random.IntN(8) == 0 {
		return nil
	}
	return &amounts[t.random.IntN(len(amounts))]
}

func (t *Traffic) of(texts ...string) string { return texts[t.random.IntN(len(texts))] }

// conflicting returns a registration with the identity of an earlier one and other content.
func (t *Traffic) conflicting(earlier Record) (Record, bool) {
	var fact registration
	if earlier.Topic != topicRegistered || json.Unmarshal(earlier.Value, &fact) != nil {
		return Record{}, false
	}
	fact.Age = map[bool]string{true: "70s", false: "50s"}[fact.Age == "50s"]
	r := record(earlier.Topic, earlier.Key, fact)
	r.Expect = expectLetter
	return r, true
}

// broken returns a record that breaks its contract, in one of several ways in turn.
func (t *Traffic) broken(number int) Record {
	t.made++
	t.malformed++
	good := record(topicRegistered, t.Campaign(number), registration{Campaign: t.Campaign(number), Participant: fmt.Sprintf("bad-%d", t.made), Phone: "010-2345-6789"})
	text := string(good.Value)
	switch t.malformed % 8 {
	case 0:
		text = text[:len(text)-1]
	case 1:
		text = ""
	case 2:
		text = strings.Replace(text, `}`, `,"region":"`+"\xbc\xad"+`"}`, 1)
	case 3:
		text = strings.Replace(text, `{`, `{"eventId":"evt-00",`, 1)
	case 4:
		text = strings.Replace(text, `"010-2345-6789"`, `1023456789`, 1)
	case 5:
		text = strings.Replace(text, `}`, `,"registeredAt":"어제"}`, 1)
	case 6:
		text = strings.Replace(text, `bad-`, `010-3456-`, 1)
		text = strings.Replace(text, fmt.Sprintf("010-3456-%d", t.made), fmt.Sprintf("010-3456-%04d", t.made%10_000), 1)
	case 7:
		text = strings.Replace(text, `}`, `,"registeredAt":"2099-01-01T00:00:00Z"}`, 1)
	}
	good.Value, good.Expect = []byte(text), expectLetter
	return good
}

// record returns a record of a fact that must become an event.
func record(topic, key string, fact any) Record {
	value, err := json.Marshal(fact)
	if err != nil {
		panic(err) // only texts and numbers
	}
	return Record{Topic: topic, Key: key, Value: value, Expect: expectEvent}
}
