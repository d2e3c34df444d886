package readmodel_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// oneOfEach returns a row of each table.
func oneOfEach(c events.Campaign) *readmodel.Rows {
	rows := newRows()
	for _, table := range readmodeltest.Tables() {
		rows.Put(table, rowOf(table, c))
	}
	return rows
}

func rowOf(table *readmodel.Table, c events.Campaign) any {
	row := table.NewRow()
	*table.Columns[0].At(row).(*string) = string(c)
	return row
}

func TestGenerationsOfReplace(t *testing.T) {
	t.Parallel()
	var at []readmodel.Checkpoint
	all := readmodel.GenerationOf{}
	for i, table := range readmodeltest.Tables() {
		g := readmodel.Generation(i + 1)
		at = append(at, readmodel.Checkpoint{Projection: table.Name, Generation: g, Position: 9})
		all[table.Name] = g
	}
	for name, rows := range map[string]*readmodel.Rows{"rows": oneOfEach("evt-1"), "no rows": newRows()} {
		got, err := readmodel.GenerationsOfReplace(at, "evt-1", rows)
		if diff := cmp.Diff(all, got); err != nil || diff != "" {
			t.Errorf("%s: error %v, generations (-want +got):\n%s", name, err, diff)
		}
	}
	if got, err := readmodel.GenerationsOfReplace(at[1:2], "evt-1", newRows()); err != nil || len(got) != 1 {
		t.Errorf("one table = %v, %v; want its generation", got, err)
	}

	refused := func(name, want string, at []readmodel.Checkpoint, rows *readmodel.Rows) {
		t.Helper()
		if got, err := readmodel.GenerationsOfReplace(at, "evt-1", rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %v, %v; want an error that says %s", name, got, err, want)
		}
	}
	refused("a projection twice", at[0].Projection+" is named twice", append(slices.Clip(at), at[0]), newRows())
	for i, c := range at {
		refused("rows without "+c.Projection, c.Projection, append(at[:i:i], at[i+1:]...), oneOfEach("evt-1"))
	}
	for table, rows := range oneOfEach("evt-10").All() {
		foreign := newRows()
		foreign.Put(table, rows[0])
		refused("a foreign row of "+table.Name, `"evt-10"`, at, foreign)
	}
}
