package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocuments holds that each link from a document to a file of the tree has a target,
// and that the README has its sections and stays short.
func TestDocuments(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	link := regexp.MustCompile(`\]\(([^):]+)\)|src="([^":]+)"`)
	code := regexp.MustCompile("(?s)```.*?```")
	documents := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		documents++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
			to, _, _ := strings.Cut(m[1]+m[2], "#")
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if documents < 5 {
		t.Errorf("%d documents were read", documents)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if most := 12 << 10; len(readme) > most {
		t.Errorf("README.md has %d bytes, at most %d", len(readme), most)
	}
	for _, section := range []string{"How it flows", "Use it", "Configure it", "Add a projection", "License"} {
		if !strings.Contains(string(readme), "\n## "+section+"\n") {
			t.Errorf("README.md has no section %q", section)
		}
	}
}

// tests returns the names of the tests of the tree.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			all[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPeersNamesTests holds that each test is there that is said to do what lost events elsewhere,
// and that each test of that name is said to.
func TestPeersNamesTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("gauntlet", "PEERS.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, named := tests(t), make(map[string]bool)
	for _, name := range regexp.MustCompile(`\bTest\w+`).FindAllString(string(text), -1) {
		if named[name] = true; !all[name] {
			t.Errorf("there is no test %q", name)
		}
	}
	for name := range all {
		if strings.HasPrefix(name, "TestPeer") && name != t.Name() && !named[name] {
			t.Errorf("%s is not in PEERS.md", name)
		}
	}
}

// TestStandardNamesTests holds that each test that the table of the verification standard
// names is there.
func TestStandardNamesTests(t *testing.T) {
	t.Parallel()
	all := tests(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "httpapi", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, standard, _ := strings.Cut(string(text), "\n## OWASP ASVS")
	rows := 0
	for line := range strings.Lines(standard) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+`).MatchString(cells[1]) {
			continue
		}
		rows++
		for name := range strings.SplitSeq(cells[3], ",") {
			if name = strings.TrimSpace(name); !all[name] {
				t.Errorf("%s: there is no test %q", strings.TrimSpace(cells[1]), name)
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows of the table were read", rows)
	}
}
