package readmodel

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"jangbu/events"
)

// Table describes one projection's table as data: its name and its columns, each with
// the field of the row that it keeps. Stores, the shared cache, the comparison of rows
// and the rows in memory walk it, and nothing else lists columns. [NewTable] makes one.
type Table struct {
	// Name names the projection, and its table in every database.
	Name string
	// Key lists the columns of the key after the generation, the campaign first. Their
	// At takes a pointer to a key.
	Key []Column
	// Columns lists all columns but the generation, the key's first. Their At takes a
	// pointer to a row.
	Columns []Column

	newRow  func() any
	newRows func() rowTable
	newKeys func() keyTable
	newList func(room int) List
}

// Column is one column of a [Table].
type Column struct {
	// Name names the column in every database.
	Name string
	// Field is the path of the field in Go, for people: "Impressions.Value".
	Field string
	Kind  Kind
	// Null says that the column holds NULL for what is unknown: a zero time outside
	// the key, a nil amount, the value of an unknown [Figure], and the empty text or the
	// number 0 of an [Optional] column.
	Null bool
	// At returns the address of the field within a row or a key. Kind says its type. It
	// does not allocate.
	At func(row any) any
}

// Kind says what a column holds.
type Kind uint8

// The kinds, each with the type of what [Column.At] returns.
const (
	Text    Kind = iota + 1 // *string
	Boolean                 // *bool
	Integer                 // *int64
	Instant                 // *time.Time: whole microseconds, UTC
	Amount                  // **events.Won: nil is unknown
	Value                   // *Figure: its value, next to a column with its time
	ByLabel                 // *Counts
)

// Field describes a column by the field that it keeps: at returns the field's address
// within a row or a key of type R.
func Field[R any, F string | bool | int64 | time.Time | *events.Won | Figure | Counts](name string, at func(*R) *F) Column {
	row := new(R)
	field := at(row)
	c := Column{Name: name, At: func(row any) any { return at(row.(*R)) }}
	switch any(field).(type) {
	case *string:
		c.Kind = Text
	case *bool:
		c.Kind = Boolean
	case *int64:
		c.Kind = Integer
	case *time.Time:
		c.Kind, c.Null = Instant, true
	case **events.Won:
		c.Kind, c.Null = Amount, true
	case *Figure:
		c.Kind, c.Null = Value, true
	case *Counts:
		c.Kind = ByLabel
	}
	c.Field = pathOf(reflect.ValueOf(row).Elem(), reflect.ValueOf(field))
	if c.Kind == Value {
		c.Field += ".Value"
	}
	return c
}

// Optional returns the column of a text that is never empty where it is known, or of a
// number that is never 0, so that NULL stands for the zero value.
func Optional(c Column) Column {
	if c.Kind != Text && c.Kind != Integer {
		panic(fmt.Sprintf("readmodel: column %s is neither a text nor a number", c.Name))
	}
	c.Null = true
	return c
}

// compareFields compares two fields of one column of a key.
func compareFields(a, b any) int {
	switch a := a.(type) {
	case *string:
		return strings.Compare(*a, *b.(*string))
	case *int64:
		return cmp.Compare(*a, *b.(*int64))
	case *time.Time:
		return a.Compare(*b.(*time.Time))
	default:
		panic(fmt.Sprintf("readmodel: no order for a key of type %T", a))
	}
}

// pathOf returns the path, within the value, of the field that lies at the address.
func pathOf(in, field reflect.Value) string {
	if in.Kind() != reflect.Struct {
		return ""
	}
	for i := range in.NumField() {
		at, name := in.Field(i), in.Type().Field(i).Name
		switch start := at.Addr().Pointer(); {
		case start == field.Pointer() && at.Type().ConvertibleTo(field.Type().Elem()):
			return name
		case at.Kind() == reflect.Struct && start <= field.Pointer() && field.Pointer() < start+at.Type().Size():
			return strings.TrimPrefix(name+"."+pathOf(at, field), embedded(in.Type().Field(i)))
		}
	}
	panic(fmt.Sprintf("readmodel: a column's field of type %s lies outside its row of type %s", field.Type().Elem(), in.Type()))
}

// embedded returns the prefix of a path that names an embedded struct, which callers omit.
func embedded(f reflect.StructField) string {
	if f.Anonymous {
		return f.Name + "."
	}
	return ""
}

// NewTable describes a table of rows of type R, each with a key of type K within it.
// No two tables may have rows of one type. It panics where a column's field lies outside
// the row or the key does not begin with the campaign: these are errors in the program,
// which show when it starts.
func NewTable[K comparable, R any](name string, key func(*R) *K, keyColumns []Column, others ...Column) *Table {
	if len(keyColumns) == 0 || keyColumns[0].Name != "campaign" || keyColumns[0].Kind != Text {
		panic("readmodel: the key of table " + name + " does not begin with the campaign")
	}
	t := &Table{Name: name}
	for _, c := range keyColumns {
		c.Null = false
		t.Key = append(t.Key, c)
		at := c.At
		c.At = func(row any) any { return at(key(row.(*R))) }
		t.Columns = append(t.Columns, c)
	}
	t.Columns = append(t.Columns, others...)
	t.newRow = func() any { return new(R) }
	t.newRows = func() rowTable { return &typed[K, R]{table: t, key: key} }
	t.newKeys = func() keyTable { return &typed[K, R]{table: t, key: key} }
	t.newList = func(room int) List { return new(make(list[R], 0, room)) }
	return t
}

// NewRow returns a pointer to a zero row.
func (t *Table) NewRow() any { return t.newRow() }

// manyRows returns a NewRow whose rows share memory, some in a piece.
func (t *Table) manyRows() (newRow func() any) {
	room := 0
	piece := t.newList(room)
	return func() any {
		if piece.Len() == room {
			room = min(max(1, 2*room), maxPiece)
			piece = t.newList(room)
		}
		return piece.Append()
	}
}

// KeyText returns the key without the campaign, for people; empty where a campaign has
// one row.
func (t *Table) KeyText(row any) string {
	var parts []string
	for _, c := range t.Columns[1:len(t.Key)] {
		parts = append(parts, c.Text(row))
	}
	return strings.Join(parts, "=")
}

// CampaignOf returns the campaign of a row.
func (t *Table) CampaignOf(row any) events.Campaign {
	return events.Campaign(*t.Columns[0].At(row).(*string))
}

// Text returns the field's value for people; empty where it is unknown.
func (c Column) Text(row any) string {
	switch field := c.At(row).(type) {
	case *string:
		return *field
	case *bool:
		return strconv.FormatBool(*field)
	case *int64:
		if *field != 0 || !c.Null {
			return strconv.FormatInt(*field, 10)
		}
	case *time.Time:
		if !field.IsZero() {
			return field.UTC().Format(time.RFC3339Nano)
		}
	case **events.Won:
		if *field != nil {
			return strconv.FormatInt(int64(**field), 10)
		}
	case *Figure:
		return strconv.FormatInt(field.Value, 10)
	case *Counts:
		return field.String()
	}
	return ""
}

// EachText calls each with the texts in what a database holds in the column: that itself of a
// text, and the labels of [Counts]. Columns of other kinds hold none.
func (c Column) EachText(stored string, each func(text string) error) error {
	switch c.Kind {
	case Text:
		return each(stored)
	case ByLabel:
		counts, err := ParseCounts(stored)
		if err != nil {
			return err
		}
		for _, n := range counts {
			if err := each(n.Label); err != nil {
				return err
			}
		}
	case Boolean, Integer, Instant, Amount, Value:
	}
	return nil
}

// HasTexts reports whether EachText may find any in the column.
func (c Column) HasTexts() bool { return c.Kind == Text || c.Kind == ByLabel }

// Equal reports whether the field has the same value in two rows. Such have one text.
func (c Column) Equal(a, b any) bool {
	switch a := c.At(a).(type) {
	case *string:
		return *a == *c.At(b).(*string)
	case *bool:
		return *a == *c.At(b).(*bool)
	case *int64:
		return *a == *c.At(b).(*int64)
	case *time.Time:
		return a.Equal(*c.At(b).(*time.Time))
	case **events.Won:
		b := *c.At(b).(**events.Won)
		return *a == b || *a != nil && b != nil && **a == *b
	case *Figure:
		return a.Value == c.At(b).(*Figure).Value
	case *Counts:
		return slices.Equal(*a, *c.At(b).(*Counts))
	}
	return false
}

// Names returns the columns' names.
func Names(columns []Column) []string {
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].Name
	}
	return names
}

// Compare returns -1, 0 or 1 where the key of row a comes before, is, or comes after
// that of row b: campaigns and texts by bytes, times by time.
func (t *Table) Compare(a, b any) int { return compareBy(t.Columns[:len(t.Key)], a, b) }

// compareBy compares rows, or keys, by columns of their key.
func compareBy(columns []Column, a, b any) int {
	for i := range columns {
		if order := compareFields(columns[i].At(a), columns[i].At(b)); order != 0 {
			return order
		}
	}
	return 0
}

// sortOne sorts rows, or keys, of one campaign.
func sortOne(rows []any, columns []Column) {
	if rest := columns[1:]; len(rest) > 0 && len(rows) > 1 {
		slices.SortFunc(rows, func(a, b any) int { return compareBy(rest, a, b) })
	}
}
