package readmodel

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"

	"jangbu/events"
)

// Rows holds rows in memory: of each campaign, table by table, by key. Folds work on it. It
// is not safe for concurrent use.
type Rows struct {
	tables    []rowTable
	campaigns campaigns[set] // a campaign has a row in one table at least, or is noted; the others may be nil
	cleared   map[events.Campaign]struct{}
	snapshots []Snapshot // that a write stores with the rows
	// loaded says that a row which [Row] adds is not stored: see [Keys.Room].
	loaded bool
}

// Parted is the rows of one table, sorted by key.
type Parted struct {
	// New has those that [Row] added to loaded rows. No row with such a key is stored.
	New    []any
	Others []any
}

// What [Rows.Bytes] takes for the parts of the rows whose size is not known, in bytes, with what
// the allocator rounds up.
const (
	campaignBytes = 160 // the campaign, its name and its entry in a map
	setBytes      = 112 // its rows in one table
	textBytes     = 16
	countsBytes   = 96 // four labels
)

// rowTable is one table of [Rows].
type rowTable interface {
	of() *Table
	// count adds to how many rows there are, and returns that.
	count(more int) int
	// rowBytes is about what a row occupies.
	rowBytes() int
	// put adds a row, or replaces that with the same key.
	put(into *Rows, i int, row any)
	newSet() set
	// share lets new rows share memory.
	share()
}

// set holds the rows of one campaign in one table.
type set interface {
	// appendSorted appends the rows, sorted by key.
	appendSorted(to []any) []any
	// part appends the rows, sorted by key.
	part(to *Parted)
	// add puts the rows of another set of the table, and returns how many have no row in
	// their place.
	add(others set) int
	// copyTo returns a copy for rows whose table is t.
	copyTo(t rowTable) set
	len() int
}

type rowSet[K comparable, R any] struct {
	byKey[K, held[R]]
	*typed[K, R]
}

// held is a row, and whether it is new: not stored.
type held[R any] struct {
	row   *R
	isNew bool
}

// NewRows returns empty Rows for the tables.
func NewRows(tables ...*Table) *Rows {
	r := &Rows{tables: make([]rowTable, len(tables)), campaigns: newCampaigns[set](len(tables))}
	for i, t := range tables {
		r.tables[i] = t.newRows()
	}
	return r
}

// NewManyRows returns empty Rows in which the rows that [Row] adds share memory, some in a piece: for
// the fold of a whole log. What keeps one of them keeps all of its piece.
func NewManyRows(tables ...*Table) *Rows {
	r := NewRows(tables...)
	for _, t := range r.tables {
		t.share()
	}
	return r
}

// Row returns the row of type R with the key, which it adds where there is none. It
// panics where [NewRows] was not given the table of such rows.
func Row[R any, K comparable](rows *Rows, k K) *R {
	i, t := tableOf[K, R](rows)
	t.probe = k
	s := t.rowsIn(rows, i)
	tag := t.tag()
	h, found := s.get(&t.probe, tag)
	if !found {
		h = held[R]{t.new(), rows.loaded}
		*t.key(h.row) = t.probe
		s.byKey.add(&t.probe, tag, h)
		t.n++
	}
	return h.row
}

// RowsOf returns all rows of type R by their keys.
func RowsOf[R any, K comparable](rows *Rows) map[K]*R {
	i, t := tableOf[K, R](rows)
	all := make(map[K]*R, t.n)
	for _, c := range rows.campaigns.all {
		if s := c.sets[i]; s != nil {
			for k, h := range s.(*rowSet[K, R]).each() {
				all[k] = h.row
			}
		}
	}
	return all
}

func tableOf[K comparable, R any](rows *Rows) (int, *typed[K, R]) {
	for i, t := range rows.tables {
		if t, ok := t.(*typed[K, R]); ok {
			return i, t
		}
	}
	panic(fmt.Sprintf("readmodel: no table for rows of type %T", *new(R)))
}

// rowsIn returns the set in which the row with the key of the probe belongs.
func (t *typed[K, R]) rowsIn(rows *Rows, i int) *rowSet[K, R] {
	c := addNamed(&rows.campaigns, t.campaign())
	if c.sets[i] == nil {
		c.sets[i] = t.newSet()
	}
	return c.sets[i].(*rowSet[K, R])
}

// place returns the place of a table, which r must have.
func (r *Rows) place(t *Table) int {
	for i, own := range r.tables {
		if own.of().Name == t.Name {
			return i
		}
	}
	panic(fmt.Sprintf("readmodel: rows without table %s", t.Name))
}

// Add adds the rows of others, whose tables r has: the pointers, not copies. They replace rows
// with the same keys.
func (r *Rows) Add(others *Rows) {
	places := make([]int, len(others.tables))
	for i, t := range others.tables {
		places[i] = r.place(t.of())
	}
	for _, some := range others.campaigns.all {
		r.addCampaign(some, places)
	}
}

// addCampaign adds rows of one campaign in other rows, whose tables have these places here.
func (r *Rows) addCampaign(some *campaign[set], places []int) {
	c := r.campaigns.add(some.name)
	for i, s := range some.sets {
		if s == nil {
			continue
		}
		t := r.tables[places[i]]
		if c.sets[places[i]] == nil {
			c.sets[places[i]] = t.newSet()
		}
		t.count(c.sets[places[i]].add(s))
	}
}

// Copy returns rows that may be changed while r is read, and the other way round.
func (r *Rows) Copy() *Rows {
	to := &Rows{tables: make([]rowTable, len(r.tables)), campaigns: newCampaigns[set](len(r.tables)), cleared: maps.Clone(r.cleared), loaded: r.loaded}
	for i, t := range r.tables {
		to.tables[i] = t.of().newRows()
		to.tables[i].count(t.count(0))
	}
	for name, from := range r.campaigns.all {
		c := newCampaign[set](name, len(from.sets))
		c.noted = from.noted
		for i, s := range from.sets {
			if s != nil {
				c.sets[i] = s.copyTo(to.tables[i])
			}
		}
		to.campaigns.all[name] = c
	}
	return to
}

// Put adds a row of the table, a pointer as [Table.NewRow] returns it. It replaces a row
// with the same key.
func (r *Rows) Put(t *Table, row any) {
	for i, own := range r.tables {
		if own.of().Name == t.Name {
			own.put(r, i, row)
		}
	}
}

// PutAll puts the rows of one campaign: pointers to them, not copies.
func (r *Rows) PutAll(some CampaignRows) {
	for i, t := range r.tables {
		if list := some.Tables[t.of().Name]; list != nil {
			for n := range list.Len() {
				t.put(r, i, list.Row(n))
			}
		}
	}
}

// Tables returns the tables that have rows.
func (r *Rows) Tables() []*Table {
	var some []*Table
	for _, t := range r.tables {
		if t.count(0) > 0 {
			some = append(some, t.of())
		}
	}
	return some
}

// All returns the rows of each table that has any, as pointers, sorted by key.
func (r *Rows) All() iter.Seq2[*Table, []any] {
	return func(yield func(*Table, []any) bool) {
		names := slices.Sorted(maps.Keys(r.campaigns.all))
		for i, t := range r.tables {
			if t.count(0) > 0 && !yield(t.of(), inOrder(&r.campaigns, names, i, t.count(0))) {
				return
			}
		}
	}
}

// Parted returns the rows of each table that has any: the new ones, and the others.
func (r *Rows) Parted() iter.Seq2[*Table, Parted] {
	return func(yield func(*Table, Parted) bool) {
		names := slices.Sorted(maps.Keys(r.campaigns.all))
		for i, t := range r.tables {
			if t.count(0) == 0 {
				continue
			}
			var some Parted
			for _, name := range names {
				if s := r.campaigns.all[name].sets[i]; s != nil {
					s.part(&some)
				}
			}
			if !yield(t.of(), some) {
				return
			}
		}
	}
}

// Len returns the number of rows in all tables.
func (r *Rows) Len() int {
	n := 0
	for _, t := range r.tables {
		n += t.count(0)
	}
	return n
}

// Bytes returns about how much memory the rows occupy: within a factor of two, as long as their
// texts are short.
func (r *Rows) Bytes() int {
	n := len(r.campaigns.all) * (campaignBytes + len(r.tables)*setBytes)
	for _, t := range r.tables {
		n += t.count(0) * t.rowBytes()
	}
	return n
}

// Replace puts each campaign's rows, which are of the same tables, in the place of those that
// r has and of those that are stored: a write of r removes these first, in the tables of the
// projections that advance.
func (r *Rows) Replace(by map[events.Campaign]*Rows) {
	if r.cleared == nil {
		r.cleared = make(map[events.Campaign]struct{}, len(by))
	}
	places := make([]int, len(r.tables))
	for i := range places {
		places[i] = i
	}
	for c, rows := range by {
		r.cleared[c] = struct{}{}
		r.Take(c)
		r.keepInPlace(c, rows.snapshots)
		if of := rows.campaigns.all[c]; of != nil {
			r.addCampaign(of, places)
		}
	}
}

// Take removes the campaign's rows from r and returns them. It says nothing of those that are
// stored.
func (r *Rows) Take(c events.Campaign) *Rows {
	taken := &Rows{tables: make([]rowTable, len(r.tables)), campaigns: newCampaigns[set](len(r.tables))}
	places := make([]int, len(r.tables))
	for i, t := range r.tables {
		taken.tables[i], places[i] = t.of().newRows(), i
	}
	of := r.campaigns.all[c]
	if of == nil {
		return taken
	}
	taken.addCampaign(of, places)
	for i, t := range taken.tables {
		r.tables[i].count(-t.count(0))
	}
	r.campaigns.remove(c)
	return taken
}

// Note notes the position of the campaign's last event folded, whether or not the campaign has rows. It
// takes next to nothing after the fold of an event of the campaign.
func (r *Rows) Note(c events.Campaign, last events.Position) { r.campaigns.add(c).noted = last }

// Noted returns what was noted of the campaign; 0 where nothing was.
func (r *Rows) Noted(c events.Campaign) events.Position {
	if of := r.campaigns.all[c]; of != nil {
		return of.noted
	}
	return 0
}

// Cleared returns the campaigns whose stored rows are removed, sorted.
func (r *Rows) Cleared() []events.Campaign { return slices.Sorted(maps.Keys(r.cleared)) }

// Subjects returns the campaigns that have a row in any table, are noted, or are cleared.
func (r *Rows) Subjects() map[events.Campaign]struct{} {
	of := make(map[events.Campaign]struct{}, len(r.campaigns.all)+len(r.cleared))
	maps.Copy(of, r.cleared)
	for c := range r.campaigns.all {
		of[c] = struct{}{}
	}
	return of
}

// Of returns the campaign's rows as a [Reader] returns them, so that rows folded in memory
// can be served.
func (r *Rows) Of(c events.Campaign) CampaignRows {
	out := NewCampaignRows()
	if of := r.campaigns.all[c]; of != nil {
		for i, s := range of.sets {
			if s != nil {
				out.fill(r.tables[i].of(), s.appendSorted(make([]any, 0, s.len())))
			}
		}
	}
	return out
}

// LenOf returns the number of the campaign's rows.
func (r *Rows) LenOf(c events.Campaign) int {
	n := 0
	if of := r.campaigns.all[c]; of != nil {
		for _, s := range of.sets {
			if s != nil {
				n += s.len()
			}
		}
	}
	return n
}

// In returns the campaign's rows in the table, sorted by key: the pointers, not copies.
func (r *Rows) In(t *Table, c events.Campaign) []any { return r.AppendIn(nil, t, c) }

// AppendIn appends what In returns.
func (r *Rows) AppendIn(to []any, t *Table, c events.Campaign) []any {
	of := r.campaigns.all[c]
	if of == nil {
		return to
	}
	for i, own := range r.tables {
		if s := of.sets[i]; s != nil && own.of().Name == t.Name {
			return s.appendSorted(to)
		}
	}
	return to
}

// ByCampaign returns the rows of every campaign that has a [CampaignStats] row, sorted
// by campaign, by bytes.
func (r *Rows) ByCampaign() []CampaignRows {
	all := make([]CampaignRows, 0, len(r.campaigns.all))
	for _, c := range slices.Sorted(maps.Keys(r.campaigns.all)) {
		if rows := r.Of(c); rows.Campaign().Campaign != "" {
			all = append(all, rows)
		}
	}
	return all
}

func (t *typed[K, R]) of() *Table { return t.table }

func (t *typed[K, R]) count(more int) int {
	t.n += more
	return t.n
}

func (t *typed[K, R]) share() { t.shared = true }

// maxPiece is how many rows a piece of memory has at most.
const maxPiece = 64

// new returns a zero row.
func (t *typed[K, R]) new() *R {
	if !t.shared {
		return new(R)
	}
	if len(t.piece) == cap(t.piece) {
		t.size = min(max(1, 2*t.size), maxPiece)
		t.piece = make([]R, 0, t.size)
	}
	t.piece = t.piece[:len(t.piece)+1]
	return &t.piece[len(t.piece)-1]
}

func (t *typed[K, R]) rowBytes() int {
	n := int(reflect.TypeFor[R]().Size() + reflect.TypeFor[entry[K, held[R]]]().Size())
	for i := range t.table.Columns {
		switch t.table.Columns[i].Kind {
		case Text:
			n += textBytes
		case ByLabel:
			n += countsBytes
		case Boolean, Integer, Instant, Amount, Value:
		}
	}
	return n
}

func (t *typed[K, R]) newSet() set { return &rowSet[K, R]{typed: t} }

func (t *typed[K, R]) put(into *Rows, i int, row any) {
	t.probe = *t.key(row.(*R))
	if t.rowsIn(into, i).replace(&t.probe, t.tag(), held[R]{row: row.(*R)}) {
		t.n++
	}
}

func (s *rowSet[K, R]) add(others set) (added int) {
	for k, h := range others.(*rowSet[K, R]).each() {
		s.probe = k
		if s.replace(&s.probe, s.tag(), held[R]{row: h.row}) {
			added++
		}
	}
	return added
}

func (s *rowSet[K, R]) copyTo(t rowTable) set {
	to := &rowSet[K, R]{typed: t.(*typed[K, R])}
	to.tags, to.entries, to.many = slices.Clone(s.tags), slices.Clone(s.entries), maps.Clone(s.many)
	rows := make([]R, 0, s.len())
	copied := func(h held[R]) held[R] {
		rows = append(rows, *h.row)
		row := &rows[len(rows)-1]
		for i := range s.table.Columns {
			if c := &s.table.Columns[i]; c.Kind == ByLabel {
				counts := c.At(row).(*Counts)
				*counts = slices.Clone(*counts)
			}
		}
		return held[R]{row: row}
	}
	for i := range to.entries {
		to.entries[i].value = copied(to.entries[i].value)
	}
	for k, h := range to.many {
		to.many[k] = copied(h)
	}
	return to
}

func (s *rowSet[K, R]) appendSorted(to []any) []any {
	n := len(to)
	to = slices.Grow(to, s.len())
	for i := range s.entries {
		to = append(to, s.entries[i].value.row)
	}
	for _, h := range s.many {
		to = append(to, h.row)
	}
	sortOne(to[n:], s.table.Columns[:len(s.table.Key)])
	return to
}

func (s *rowSet[K, R]) part(to *Parted) {
	n, o := len(to.New), len(to.Others)
	for _, h := range s.each() {
		if h.isNew {
			to.New = append(to.New, h.row)
		} else {
			to.Others = append(to.Others, h.row)
		}
	}
	sortOne(to.New[n:], s.table.Columns[:len(s.table.Key)])
	sortOne(to.Others[o:], s.table.Columns[:len(s.table.Key)])
}
