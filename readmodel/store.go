package readmodel

import (
	"context"
	"errors"
	"time"

	"jangbu/events"
)

// Sentinels of the read model.
var (
	// ErrNotFound: no campaign of that name is known to this reader.
	ErrNotFound = errors.New("campaign not found")
	// ErrFenced: a commit came from a checkpoint or a lease that is no longer
	// the writer's. Nothing was written; reload and go on, or stop.
	ErrFenced = errors.New("fenced: checkpoint or lease has moved on")
	// ErrVersion: the rows were built by another version of a projection; to a
	// [Writer], by a later one.
	ErrVersion = errors.New("rows were built by another version of the projection")
)

// Generation numbers the builds of a projection from 1. Rows carry it.
type Generation int32

// Checkpoint says up to where a generation's rows equal the fold of the log (I6).
type Checkpoint struct {
	Projection string
	Version    int // of the fold that built the rows
	Generation Generation
	Position   events.Position
}

// Advance moves one generation's checkpoint from its Position to To.
type Advance struct {
	Checkpoint
	To events.Position
}

// Lease is the right to run something now.
type Lease struct {
	Name  string
	Owner string // names the process to operators
	// Epoch grows by one whenever the lease changes hands; a commit of an
	// older epoch is fenced.
	Epoch int64
}

// ShopCampaign is a campaign in the list of a shop: what its four numbers are made of.
type ShopCampaign struct {
	Campaign CampaignStats
	Channels []ChannelStats // sorted by channel, by bytes
}

// DistributedChannel is a channel that a campaign was distributed to, with what it last
// reported.
type DistributedChannel struct {
	ChannelStats           // DistributedAt is never zero
	EndsAt       time.Time // of the campaign; zero: unknown
}

// Reader reads what is served. A campaign that the scope does not allow is answered
// exactly as one that does not exist (I12).
type Reader interface {
	// Campaign returns the campaign's rows, all of one snapshot. ErrNotFound
	// where there is no [CampaignStats] row for it in the scope.
	Campaign(ctx context.Context, c events.Campaign, by Scope) (CampaignRows, error)
	// ShopCampaigns returns the campaigns of a shop, all of one snapshot, sorted
	// by campaign, by bytes; none where it has none in the scope. Campaigns whose
	// creation has not been seen are of the shop without a name.
	ShopCampaigns(ctx context.Context, shop events.Shop, by Scope) ([]ShopCampaign, error)
	// Revision returns the revision of what a read would return now. It costs one
	// look at a handful of rows.
	Revision(ctx context.Context) (Revision, error)
}

// Store keeps rows: it serves them, folds are written into it, and operations on it
// are recorded with it. Its tables are those that it was opened with.
type Store interface {
	Reader
	Generations
	Leases
	Operations

	// Distributed returns every channel that a campaign was distributed to,
	// sorted by campaign and channel by bytes, all of one snapshot of the active
	// generations; without the campaigns that ended before the given time. A
	// campaign whose end is not known, or of which nothing but the distribution
	// is known, has not ended.
	Distributed(ctx context.Context, endedBefore time.Time) ([]DistributedChannel, error)
	// Snapshot returns the campaign's rows of the active generations and these
	// generations' checkpoints, sorted by projection, all of one snapshot of the
	// database: what a proof that rows equal the fold needs (I6). Rows without a
	// [CampaignStats] row among them are returned. ErrNotFound, and the checkpoints
	// all the same, where the campaign has no row in any table.
	Snapshot(ctx context.Context, c events.Campaign) (CampaignRows, []Checkpoint, error)
	// Campaigns returns the first campaigns after a name, at most limit, that have
	// a row in any table of an active generation, sorted by bytes.
	Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error)

	// Register makes sure that each named projection has an active generation
	// and returns the active ones' checkpoints, in the order of the names. A
	// projection that is new starts at position 0. One whose active generation was
	// built by an earlier version is returned with that: it has to be built anew
	// before it is folded further. ErrVersion, and nothing registered, where it was
	// built by a later one.
	Register(ctx context.Context, projections []Checkpoint) ([]Checkpoint, error)
	// Load returns those of the named rows that exist, each in the generation
	// of its table's projection as given by the checkpoints.
	Load(ctx context.Context, at []Checkpoint, keys *Keys) (*Rows, error)
	// Commit replaces the given rows by their absolute values and moves the
	// checkpoints, in one transaction, and returns the revision that it made: the
	// one before, where it moves no active generation, whose rows then must not
	// change either. ErrFenced, and nothing written, where a checkpoint is not
	// where its advance starts or the lease is not held by this epoch.
	Commit(ctx context.Context, lease Lease, advances []Advance, rows *Rows) (Revision, error)
	// Replace replaces the campaign's rows in the tables of these projections, whose
	// generations are active, by the given ones, in one transaction. It returns the
	// revision that it makes.
	Replace(ctx context.Context, lease Lease, op int64, at []Checkpoint, c events.Campaign, rows *Rows) (Revision, error)
}

// Leases hands out leases.
type Leases interface {
	// Acquire takes the lease if it is free, expired, or already the owner's,
	// for the given time from now by the store's clock. It returns false where
	// another owner holds it. Taking it from another raises the epoch; an
	// owner's renewal keeps it.
	Acquire(ctx context.Context, name, owner string, ttl time.Duration) (Lease, bool, error)
	// Release gives the lease up if this owner and epoch still hold it.
	Release(ctx context.Context, lease Lease) error
	// Holder returns who holds the lease. Its Owner is empty where nobody does.
	Holder(ctx context.Context, name string) (Holder, error)
	// Fault records the last failure of what is run under the lease, for operators;
	// an empty text says that it works again.
	Fault(ctx context.Context, name, owner, text string) error
}

// Holder is a lease as operators see it.
type Holder struct {
	Lease
	// Left is for how long it is held if it is not renewed.
	Left time.Duration
	// Fault is the last failure under the lease, whoever held it; empty: none, or it
	// works again.
	Fault      string
	FaultOwner string
	FaultAt    time.Time
}
