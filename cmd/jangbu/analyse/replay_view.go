package analyse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections/replay"
	"jangbu/readmodel/sqliterows"
)

// view prints one of the views of what was replayed. What a view has is in its SQL alone, so the
// rows are written to a file, which does not stay.
func (c *ReplayCommand) view(ctx context.Context, t cli.Terminal, got replay.Result, set *assumed) (err error) {
	found := false
	for _, row := range got.Rows.Campaigns() {
		found = found || c.Shop == "" || row.Shop == c.Shop
	}
	if !found {
		return fmt.Errorf("%w: no campaign of that kind in %d events", cli.ErrNothing, got.Events)
	}
	link, err := c.assumeIn(got, set)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "jangbu-replay-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rows, err := storeRows(ctx, filepath.Join(dir, "rows.db"), got, link)
	if err != nil {
		return err
	}
	view, err := rows.View(ctx, *c.Table, c.Shop)
	if err = errors.Join(err, rows.Close()); err != nil {
		return err
	}
	switch c.Out {
	case "json":
		return json.NewEncoder(t.Out).Encode(struct {
			Events  int64           `json:"events"`
			Through events.Position `json:"through"`
			Assumed []string        `json:"assumed,omitempty"`
			Table   string          `json:"table"`
			Rows    any             `json:"rows"`
		}{got.Events, got.Through, c.Set, *c.Table, structsOf(view).Interface()})
	case "csv":
		return viewTable(view).CSV(t)
	case "parquet":
		of := structsOf(view)
		w := parquet.NewWriter(t.Out, parquet.SchemaOf(reflect.New(of.Type().Elem()).Interface()), parquet.Compression(&parquet.Zstd))
		for i := range of.Len() {
			if err := w.Write(of.Index(i).Addr().Interface()); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	default:
		viewTable(view).Print(t)
		return nil
	}
}

// structsOf returns the rows of a view as a slice of structs, with a field for each column that
// JSON and Parquet name as the view does.
func structsOf(v sqliterows.View) reflect.Value {
	fields := make([]reflect.StructField, len(v.Columns))
	for i, c := range v.Columns {
		options := ",optional"
		if c.Type == reflect.TypeFor[time.Time]() {
			options += ",timestamp(microsecond)"
		}
		fields[i] = reflect.StructField{
			Name: "Column" + strconv.Itoa(i), Type: reflect.PointerTo(c.Type),
			Tag: reflect.StructTag(fmt.Sprintf(`json:"%s" parquet:"%s%s"`, c.Name, c.Name, options)),
		}
	}
	all := reflect.MakeSlice(reflect.SliceOf(reflect.StructOf(fields)), len(v.Rows), len(v.Rows))
	for i, row := range v.Rows {
		for j, value := range row {
			if value != nil {
				known := reflect.New(v.Columns[j].Type)
				known.Elem().Set(reflect.ValueOf(value))
				all.Index(i).Field(j).Set(known)
			}
		}
	}
	return all
}

// viewTable returns the rows of a view as text; an unknown value is empty.
func viewTable(v sqliterows.View) cli.Table {
	var out cli.Table
	for _, c := range v.Columns {
		if c.Type.Kind() == reflect.String && out.Texts == len(out.Head) {
			out.Texts++
		}
		out.Head = append(out.Head, c.Name)
	}
	for _, row := range v.Rows {
		line := make([]string, len(row))
		for i, value := range row {
			switch value := value.(type) {
			case int64:
				line[i] = strconv.FormatInt(value, 10)
			case float64:
				line[i] = optional(&value)
			case time.Time:
				line[i] = value.Format(time.RFC3339)
			case string:
				line[i] = value
			}
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}
