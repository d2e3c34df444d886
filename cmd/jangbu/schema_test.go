package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections"
)

// schemaPath is where the JSON Schema of a command's --json is; its words are joined
// by "-".
func schemaPath(name string) string { return filepath.Join("testdata", "schemas", name+".json") }

// checkJSON returns an error unless the text is one JSON value or several, each as
// the schema of that name says. The schema "projection" is that of a projection's name.
func checkJSON(name string, text []byte) error {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	var names []any
	for _, p := range projections.All() {
		names = append(names, p.Name())
	}
	if err := c.AddResource(schemaPath("projection"), map[string]any{"enum": names}); err != nil {
		return err
	}
	schema, err := c.Compile(schemaPath(name))
	if err != nil {
		return err
	}
	values := json.NewDecoder(bytes.NewReader(text))
	values.UseNumber()
	for n := 1; ; n++ {
		var value any
		switch err := values.Decode(&value); {
		case errors.Is(err, io.EOF) && n > 1:
			return nil
		case err != nil:
			return fmt.Errorf("value %d: %w", n, err)
		}
		if err := schema.Validate(value); err != nil {
			return fmt.Errorf("value %d: %w", n, err)
		}
	}
}

// TestSchemasAreStrict holds that a schema says of every object which members it must
// have and whether others may be there: a member that is new, or gone, is found.
func TestSchemasAreStrict(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(schemaPath("*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d schemas: %v", len(paths), err)
	}
	named := make(map[string]bool)
	for _, leaf := range leaves(t) {
		named[schemaPath(strings.ReplaceAll(pathOf(leaf), " ", "-"))] = true
	}
	for _, path := range paths {
		if !named[path] {
			t.Errorf("%s is no command's", path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var schema any
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if loose := looseObjects(schema); loose != "" {
			t.Errorf("%s: %s", path, loose)
		}
	}
}

// looseObjects returns an object's schema that is not strict, or "".
func looseObjects(schema any) string {
	switch schema := schema.(type) {
	case []any:
		for _, s := range schema {
			if loose := looseObjects(s); loose != "" {
				return loose
			}
		}
	case map[string]any:
		if schema["type"] == "object" {
			_, closed := schema["additionalProperties"]
			_, members := schema["properties"]
			_, required := schema["required"]
			if !closed || members && !required {
				text, _ := json.Marshal(schema) // it was JSON
				return string(text)
			}
		}
		for _, s := range schema {
			if loose := looseObjects(s); loose != "" {
				return loose
			}
		}
	}
	return ""
}

// TestSimulate validates what simulate prints, and that what it says is what comes.
func TestSimulate(t *testing.T) {
	t.Parallel()
	p := runProgram(t, t.TempDir())
	out, complaint, code := command(t, "simulate", "--kafka-brokers", p.broker, "--events", "100", "--campaigns", "3", "--duplicates", "0.1", "--malformed", "0.1", "--log-level", "error", "--json")
	if code != cli.ExitDone || complaint != "" {
		t.Fatalf("exit %d: %s", code, complaint)
	}
	if err := checkJSON("simulate", []byte(out)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got struct {
		Expected struct{ Events, Duplicates, DeadLetters int64 } `json:"expected"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	p.settled(t, events.Totals{
		Head: events.Position(got.Expected.Events), Duplicates: got.Expected.Duplicates, DeadLettered: got.Expected.DeadLetters,
	}, 10*time.Second)
}
