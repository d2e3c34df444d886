package readmodel

import (
	"context"
	"errors"
	"time"

	"jangbu/events"
)

// Sentinels of the read model.
var (
	// ErrNotFound says that the reader sees no campaign of that name.
	ErrNotFound = errors.New("campaign not found")
	// ErrFenced says that a checkpoint or a lease is no longer the writer's. Nothing
	// was written; the writer reloads and continues, or stops.
	ErrFenced = errors.New("fenced: checkpoint or lease has moved on")
	// ErrRebuilding says that what was served belonged to a history that the log no longer
	// has ([Generations.Abandon]), and that the rows of the log's are still being built.
	ErrRebuilding = errors.New("rows are being rebuilt: the log is not the one that they were folded from")
	// ErrVersion says that another version of a projection built the rows;
	// [Store.Register] returns it where that version is later.
	ErrVersion = errors.New("rows were built by another version of the projection")
)

// Generation numbers the generations of a projection from 1. Rows carry it.
type Generation int32

// Checkpoint says up to which position, of which log, a generation's rows equal the fold of
// the log (I6, I13).
type Checkpoint struct {
	Projection string
	// Version is that of the fold that built the rows; 0 where [Generations.Abandon] left a
	// generation without rows in the place of those that were served.
	Version    int
	Generation Generation
	Position   events.Position
	// Link is the value of the log's chain at Position. It is zero at position 0, and where
	// a program that knew no chain moved the checkpoint.
	Link events.Link
}

// Advance moves one generation's checkpoint from its Position to To, where the log's chain
// has the value Link. To may be the Position, which gives a checkpoint without a link one.
type Advance struct {
	Checkpoint
	To   events.Position
	Link events.Link
}

// Moved returns the checkpoint after the advance.
func (a Advance) Moved() Checkpoint {
	at := a.Checkpoint
	at.Position, at.Link = a.To, a.Link
	return at
}

// Lease is the right to run a task that runs in one process at a time.
type Lease struct {
	Name  string
	Owner string // names the process to operators
	// Epoch grows by one whenever another owner takes the lease. A commit of an older
	// epoch is fenced.
	Epoch int64
}

// DistributedChannel is a channel that a campaign was distributed to, with the figures that
// it last reported.
type DistributedChannel struct {
	ChannelStats           // DistributedAt is never zero
	EndsAt       time.Time // of the campaign; zero: unknown
}

// Reader reads what is served. A method returns [events.ErrAway] where the database is. A campaign that the scope does not allow is answered
// exactly as one that does not exist (I12). From [Generations.Abandon] until other rows are
// served, every read of rows returns ErrRebuilding.
type Reader interface {
	// Campaign returns the campaign's rows, all of one snapshot. ErrNotFound where it
	// has no [CampaignStats] row in the scope.
	Campaign(ctx context.Context, c events.Campaign, by Scope) (CampaignRows, error)
	// ShopOf returns the shop whose campaign it is, and none where its creation has not been
	// seen. It takes the same steps in both cases, so that the time it takes does not tell
	// one from the other (I12).
	ShopOf(ctx context.Context, c events.Campaign) (events.Shop, error)
	// ShopCampaigns returns the campaigns of a shop in the scope, all of one snapshot,
	// sorted by campaign, by bytes. Campaigns whose creation has not been seen belong
	// to the shop without a name.
	ShopCampaigns(ctx context.Context, shop events.Shop, by Scope) ([]ShopCampaign, error)
	// ShopPage returns those of [Reader.ShopCampaigns] that are on the page, in its order. It
	// reads no others.
	ShopPage(ctx context.Context, shop events.Shop, page ShopPage, by Scope) ([]ShopCampaign, error)
	// Revision returns the revision of what a read would return now. It reads one row
	// and one for each projection.
	Revision(ctx context.Context) (Revision, error)
}

// Store keeps rows, checkpoints, leases and operations in one database. Its tables are
// those that it was opened with. It is safe for concurrent use.
type Store interface {
	Reader
	Generations
	Leases
	Operations
	Contents
	Proofs
	Snapshots

	// Distributed returns every channel that a campaign was distributed to, sorted by
	// campaign and channel by bytes, all of one snapshot of the active generations. It
	// leaves out campaigns that ended before the given time; a campaign without a known
	// end has not ended.
	Distributed(ctx context.Context, endedBefore time.Time) ([]DistributedChannel, error)
	// Register gives each named projection that has none an active generation, at
	// position 0, and returns the checkpoints of the active ones in the order of the
	// names. Where the projection has rows or other generations, whose entry was lost, the
	// new one is as [Generations.Abandon] leaves it: they are not believed, nor added to. A checkpoint of an earlier version is returned as it is: the projection
	// has to be rebuilt before it is folded further. ErrVersion, and nothing is
	// registered, where a checkpoint is of a later version.
	Register(ctx context.Context, projections []Checkpoint) ([]Checkpoint, error)
	// Load returns the named rows that exist in the generations of the checkpoints. Those that
	// [Row] adds to them are new ([Keys.Room]).
	Load(ctx context.Context, at []Checkpoint, keys *Keys) (*Rows, error)
	// Commit removes the stored rows and snapshots of the campaigns that are cleared, replaces the given
	// rows by their absolute values, stores their snapshots and moves the checkpoints, in one transaction, and returns the revision that it makes. A commit
	// that moves no active generation, and so must not change its rows, leaves the
	// revision as it is. A row that is new and stored may be an error. It only reads the rows, and none of them after it has returned.
	// ErrFenced, and nothing is written, where a checkpoint, with
	// its link, is not where its advance starts or this epoch does not hold the lease.
	Commit(ctx context.Context, lease Lease, advances []Advance, rows *Rows) (Revision, error)
	// Replace replaces all the campaign's rows and snapshots of these projections by
	// the given ones, ends the operation, and returns the revision that it makes, in
	// one transaction. ErrFenced, and nothing is written, where a generation is not
	// active or its checkpoint not as given, where this epoch does not hold the lease,
	// or where the operation has ended.
	Replace(ctx context.Context, lease Lease, op int64, at []Checkpoint, c events.Campaign, rows *Rows) (Revision, error)
}

// Proofs reads what a proof that rows equal the fold compares (I6).
type Proofs interface {
	// Snapshot returns the campaign's rows of the active generations and the
	// checkpoints of these, sorted by projection, all of one snapshot of the database.
	// The rows need not include a
	// [CampaignStats] row. ErrNotFound, together with the checkpoints, where the
	// campaign has no row in any table.
	Snapshot(ctx context.Context, c events.Campaign) (CampaignRows, []Checkpoint, error)
	// Snapshots is Snapshot of several campaigns at once, and says which others have rows after the
	// given campaign, or, where that is empty, after the first of them, and before the last. It leaves
	// out those that have no row. They should lie close to each other by bytes: all rows between are read.
	Snapshots(ctx context.Context, after events.Campaign, of []events.Campaign) (*Served, []Checkpoint, error)
	// Campaigns returns the first campaigns after the given one, at most limit, that
	// have a row in any table of an active generation, sorted by bytes.
	Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error)
}

// Leases hands out leases.
type Leases interface {
	// Acquire takes the lease if it is free, expired, or already the owner's, for the
	// given time from now by the store's clock. It returns false where another owner
	// holds it. Taking the lease from another owner raises the epoch; a renewal keeps
	// it.
	Acquire(ctx context.Context, name, owner string, ttl time.Duration) (Lease, bool, error)
	// Release gives the lease up if this owner and epoch still hold it.
	Release(ctx context.Context, lease Lease) error
	// Holder returns the holder of the lease. Its Owner is empty where the lease is free.
	Holder(ctx context.Context, name string) (Holder, error)
	// Holders returns the leases that are held, sorted by name.
	Holders(ctx context.Context) ([]Holder, error)
	// Break takes the lease away from the holder with that owner and epoch, which is fenced
	// from then on, and records the operation, which is done. ErrFenced where that is not
	// the holder.
	Break(ctx context.Context, lease Lease, who, why string) (Operation, error)
	// Fault records the last failure of the task that runs under the lease, for
	// operators. An empty text says that the task works again.
	Fault(ctx context.Context, name, owner, text string) error
}

// Holder is a lease as operators see it.
type Holder struct {
	Lease
	// Left is how long the lease lasts if it is not renewed.
	Left time.Duration
	// Fault is the last failure of the task under the lease, FaultOwner the process that
	// failed; both are empty where the task works.
	Fault      string
	FaultOwner string
	FaultAt    time.Time
}

// TooLong reports whether the lease lasts longer than any holder asks for that renews it
// within the given time: a clock was wrong when it was taken, and no process may get it
// before it is broken.
func (h Holder) TooLong(ttl time.Duration) bool { return h.Left > ttl+time.Second }
