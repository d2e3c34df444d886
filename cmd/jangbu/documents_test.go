package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
)

// TestDocuments holds that each link from a document to a file of the tree has a target,
// and that the README has its sections and stays short.
func TestDocuments(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^):]+)\)|src="([^":]+)"`)
	code := regexp.MustCompile("(?s)```.*?```")
	all := documents(t)
	for path, text := range all {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			to, _, _ := strings.Cut(m[1]+m[2], "#")
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	readme := all[filepath.Join("..", "..", "README.md")]
	if most := 12 << 10; len(readme) > most {
		t.Errorf("README.md has %d bytes, at most %d", len(readme), most)
	}
	for _, section := range []string{"How it flows", "Use it", "Configure it", "Add a projection", "License"} {
		if !strings.Contains(readme, "\n## "+section+"\n") {
			t.Errorf("README.md has no section %q", section)
		}
	}
}

// documents returns the text of each document of the tree, by its path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Errorf("%d documents were read", len(all))
	}
	return all
}

// TestDocumentsCommands holds that the program parses each command of a document, and knows each
// variable, and that what is named of scripts is there.
func TestDocumentsCommands(t *testing.T) {
	t.Parallel()
	// It begins a line of a block or follows a prompt, another command or a setting, or is code in the text.
	run := regexp.MustCompile("(?m)(?:^(?: {4,}|\\t)(?:.*(?:&&|[$;|]|[A-Z]=\\S+) )?|^|`)(?:\\./)?jangbu ([a-z-][^`\\n]*)")
	variable := regexp.MustCompile(`\bJANGBU_[A-Z_]*[A-Z]\b`)
	script := regexp.MustCompile(`\bscripts/[a-z0-9_./-]*[a-z0-9]`)
	parser, err := cli.NewParser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for path, text := range documents(t) {
		text = strings.ReplaceAll(text, "\\\n", " ")
		for _, m := range run.FindAllStringSubmatch(text, -1) {
			commands++
			trace, err := kong.Trace(parser, words(m[1]))
			if err == nil {
				err = trace.Error
			}
			if err != nil {
				t.Errorf("%s: jangbu %s: %v", path, m[1], err)
			}
		}
		for _, name := range variable.FindAllString(text, -1) {
			if len(service.UnknownVariables(parser, []string{name + "="})) > 0 {
				t.Errorf("%s: nothing reads %s", path, name)
			}
		}
		for _, name := range script.FindAllString(text, -1) {
			if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(name))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if commands < 100 {
		t.Errorf("%d commands were read", commands)
	}
}

// TestRedisUserOfDocuments holds that the commands of production give Redis's user the rights with
// which the services are tried, and no others.
func TestRedisUserOfDocuments(t *testing.T) {
	t.Parallel()
	all := documents(t)
	rights := func(path ...string) string {
		_, of, _ := strings.Cut(all[filepath.Join(append([]string{"..", ".."}, path...)...)], "ACL SETUSER jangbu on >")
		return strings.Join(regexp.MustCompile(`[~&+@-]+[a-z@][\w:*]*|reset\w+`).FindAllString(of[:strings.Index(of, "+select")+7], -1), " ")
	}
	tried, made := rights("cmd", "jangbu", "operate", "README.md"), rights("scripts", "deploy", "README.md")
	if made != tried {
		t.Errorf("scripts/deploy/README.md gives %q, want %q", made, tried)
	}
}

// words returns those of a command as a shell splits it, up to its end.
func words(line string) (all []string) {
	var word []rune
	var quote rune
	for _, r := range line + "\n" {
		switch {
		case r == quote:
			quote = 0
		case quote != 0:
			word = append(word, r)
		case r == '"' || r == '\'':
			quote = r
		case strings.ContainsRune("\n |&;<>#()", r):
			// "…" is what a reader puts in: the value of a flag, or more words.
			if n := len(all); len(word) > 0 && (string(word) != "…" || n > 0 && strings.HasPrefix(all[n-1], "--")) {
				all = append(all, string(word))
			}
			if word = nil; r != ' ' {
				return all
			}
		default:
			word = append(word, r)
		}
	}
	return all
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
