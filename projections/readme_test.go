package projections_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme adds the projection of the README to the tree, word for word, and has tests
// of that tree prove that its tables are as described, and that it is followed, verified,
// reset and rebuilt.
func TestReadme(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, section, _ := strings.Cut(read("README.md"), "\n## Add a projection\n")
	section, _, _ = strings.Cut(section, "\n## ")

	// Each block follows a paragraph that names its file. An overlay replaces files for the
	// compiler alone, so what does not change is compiled once for this tree and that.
	replaced := make(map[string]string)
	for _, m := range regexp.MustCompile("(?s)`([a-z/_]+\\.(?:go|sql))`[^`]*\n\n```(go|diff|sql)\n(.*?)```\n").FindAllStringSubmatch(section, -1) {
		path, kind, text := m[1], m[2], m[3]
		switch kind {
		case "sql":
			text = read(path) + "\n" + text
		case "diff":
			text = patched(t, read(path), text)
		}
		at := filepath.Join(t.TempDir(), filepath.Base(path))
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replaced[filepath.Join(root, path)] = at
	}
	if len(replaced) != 4 {
		t.Fatalf("the README changes %d files: %v; want two Go files and two schemas", len(replaced), replaced)
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	test := exec.CommandContext(t.Context(), "go", "test", "-v", "-vet=off", "-overlay", overlay,
		"-run", "^(TestEachTable|TestTablesAreAsDescribed|TestEveryTableAndColumnHasAComment)$",
		"./projections/runner", "./readmodel/pgrows", "./readmodel/sqliterows")
	test.Dir = root
	out, err := test.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestEachTable/sqlite/participation_by_weekday") {
		t.Fatalf("%v: %v\n%s", test, err, out)
	}
}

// patched returns the text with the lines that the diff adds, each after the line before
// it. A line that is there already is not added.
func patched(t *testing.T, text, diff string) string {
	t.Helper()
	last := ""
	for line := range strings.Lines(diff) {
		line, added := strings.CutPrefix(line, "+")
		if line = strings.TrimPrefix(line, " "); added && !strings.Contains(text, line) {
			if strings.Count(text, last) != 1 {
				t.Fatalf("the line is not there once: %q", last)
			}
			text = strings.Replace(text, last, last+line, 1)
		}
		last = line
	}
	return text
}
