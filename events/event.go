package events

import "time"

// Campaign identifies a marketing event (이벤트) of a shop. On the wire it is
// "eventId"; in Go it is always Campaign, because an event is an entry of the log.
// It has 1 to [MaxIDBytes] bytes of UTF-8 without control characters.
type Campaign string

// Shop identifies the shop that runs a campaign, "storeId" on the wire. It is
// bounded like [Campaign].
type Shop string

// Won is an amount of money in whole Korean won (I11).
type Won int64

// MaxWon is the largest amount that an event may carry: 2^53, the largest
// integer that every JSON reader keeps exact (RFC 8259, section 6).
const MaxWon Won = 1 << 53

// Channel names an outlet that a campaign is distributed to.
type Channel string

// The five channels.
const (
	WooridongneTV Channel = "wooridongnetv" // 우리동네TV
	GenieTV       Channel = "genietv"       // 지니TV
	Instagram     Channel = "instagram"
	Naver         Channel = "naver"
	Kakao         Channel = "kakao"
)

// Channels returns the five channels in display order.
func Channels() []Channel {
	return []Channel{WooridongneTV, GenieTV, Instagram, Naver, Kakao}
}

// Known reports whether c is one of the five channels.
func (c Channel) Known() bool {
	switch c {
	case WooridongneTV, GenieTV, Instagram, Naver, Kakao:
		return true
	default:
		return false
	}
}

// Type is one of the five types of event. Its numbers are stored and never change
// their meaning.
type Type uint8

// The five types of event. The first four come by a topic each; an EventsWithdrawn
// comes by a command.
const (
	TypeEventCreated          Type = 1
	TypeParticipantRegistered Type = 2
	TypeDistributionCompleted Type = 3
	TypeChannelStatsFetched   Type = 4
	TypeEventsWithdrawn       Type = 5
)

// Types returns the four types of record, in the order of their numbers: those that come
// by a topic.
func Types() []Type {
	return []Type{TypeEventCreated, TypeParticipantRegistered, TypeDistributionCompleted, TypeChannelStatsFetched}
}

// String returns the type's name on the wire, such as "EventCreated".
func (t Type) String() string {
	switch t {
	case TypeEventCreated:
		return "EventCreated"
	case TypeParticipantRegistered:
		return "ParticipantRegistered"
	case TypeDistributionCompleted:
		return "DistributionCompleted"
	case TypeChannelStatsFetched:
		return "ChannelStatsFetched"
	case TypeEventsWithdrawn:
		return "EventsWithdrawn"
	default:
		return "UnknownType"
	}
}

// TypeNamed returns the type, of all five, with that name.
func TypeNamed(name string) (Type, bool) {
	for t := TypeEventCreated; t <= TypeEventsWithdrawn; t++ {
		if t.String() == name {
			return t, true
		}
	}
	return 0, false
}

// Event is one immutable fact about a campaign: a closed sum of [EventCreated],
// [ParticipantRegistered], [DistributionCompleted], [ChannelStatsFetched] and
// [EventsWithdrawn]. None of them has a field for a phone number (I10). Their times are
// whole microseconds in UTC.
//
//sumtype:decl
type Event interface {
	// Type returns the event's type.
	Type() Type
	// Subject returns the event's campaign.
	Subject() Campaign

	sealed()
}

// EventCreated says that a shop created a campaign, or describes it anew.
type EventCreated struct {
	Campaign  Campaign
	Shop      Shop
	Title     string
	Objective string

	// CreatedAt, StartsAt and EndsAt are zero if the producer sent none.
	CreatedAt time.Time
	StartsAt  time.Time
	EndsAt    time.Time

	// Amounts are nil if the producer sent none (I8).
	PrizeCost             *Won
	PlatformCost          *Won
	ExpectedSalesIncrease *Won
	BaselineSales         *Won
	NewCustomerLTV        *Won // per new customer

	// Goal is what the owner wants to reach; nil if the producer sent none.
	Goal *Goal

	// MovedBy and MovedWhy say who moved the campaign to the shop, and why. They are
	// empty in what a producer sent.
	MovedBy  string
	MovedWhy string

	// Redacted says that what identified a person has been taken from ids or texts since they
	// were stored ([Recorded.Redact]).
	Redacted bool
}

// Goal is what an owner wants a campaign to reach by its end.
type Goal struct {
	Metric GoalMetric
	Target int64 // 1 to MaxGoal
}

// MaxGoal is the largest target of a [Goal].
const MaxGoal int64 = 1_000_000_000

// GoalMetric says what a [Goal] counts.
type GoalMetric string

// The metrics.
const (
	GoalParticipants GoalMetric = "participants"
	GoalNewCustomers GoalMetric = "newCustomers"
)

// Known reports whether m is one of the two metrics.
func (m GoalMetric) Known() bool { return m == GoalParticipants || m == GoalNewCustomers }

// ParticipantRegistered says that a person registered for a campaign.
type ParticipantRegistered struct {
	Campaign    Campaign
	Participant string // the producer's participantId; empty once the person has been erased
	// Pseudonym replaces the phone number. It is zero before Decoded.SetPseudonym,
	// if the campaign's key has been destroyed, and once the person has been erased.
	Pseudonym    Pseudonym
	RegisteredAt time.Time // zero if the producer sent none

	// The fields below are empty or nil if the producer sent none. The texts are what
	// [ChannelNamed], [GenderNamed], [AgeGroupNamed] and [DistrictNamed] return; earlier
	// releases stored them as the producer wrote them.
	Channel     string
	NewCustomer *bool
	Gender      string
	AgeGroup    string
	Region      string

	// Redacted says that the texts have been replaced by what they name, or the campaign, since
	// they were stored ([Recorded.Redact]).
	Redacted bool
}

// DistributionCompleted says that a campaign was distributed to channels.
type DistributionCompleted struct {
	Campaign    Campaign
	Channels    []Distribution // each channel once
	CompletedAt time.Time
	Redacted    bool // as of [EventCreated]
}

// Distribution is one channel of a [DistributionCompleted].
type Distribution struct {
	Channel Channel
	Cost    *Won // nil if the producer sent none
}

// ChannelStatsFetched holds the figures that a channel reported about a campaign.
// They are cumulative; nil is unknown, never zero (I8). At least one is known.
type ChannelStatsFetched struct {
	Campaign  Campaign
	Channel   Channel
	FetchedAt time.Time

	Impressions *int64
	Views       *int64
	Clicks      *int64
	Likes       *int64
	Comments    *int64
	Shares      *int64

	Redacted bool // as of [EventCreated]
}

// MaxFigure is the largest figure that a channel may report: 2^53. [Decode] refuses
// a larger one as absurd (I8).
const MaxFigure int64 = 1 << 53

// Type implements [Event].
func (*EventCreated) Type() Type { return TypeEventCreated }

// Type implements [Event].
func (*ParticipantRegistered) Type() Type { return TypeParticipantRegistered }

// Type implements [Event].
func (*DistributionCompleted) Type() Type { return TypeDistributionCompleted }

// Type implements [Event].
func (*ChannelStatsFetched) Type() Type { return TypeChannelStatsFetched }

// Type implements [Event].
func (*EventsWithdrawn) Type() Type { return TypeEventsWithdrawn }

// Subject implements [Event].
func (e *EventCreated) Subject() Campaign { return e.Campaign }

// Subject implements [Event].
func (e *ParticipantRegistered) Subject() Campaign { return e.Campaign }

// Subject implements [Event].
func (e *DistributionCompleted) Subject() Campaign { return e.Campaign }

// Subject implements [Event].
func (e *ChannelStatsFetched) Subject() Campaign { return e.Campaign }

// Subject implements [Event].
func (e *EventsWithdrawn) Subject() Campaign { return e.Campaign }

func (*EventCreated) sealed()          {}
func (*ParticipantRegistered) sealed() {}
func (*DistributionCompleted) sealed() {}
func (*ChannelStatsFetched) sealed()   {}
func (*EventsWithdrawn) sealed()       {}
