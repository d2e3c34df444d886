package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
)

type versionCommand struct {
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (versionCommand) Help() string {
	return "Examples:\n  jangbu version\n  jangbu version --json"
}

// Run prints what was built, of which commit and by which Go.
func (c versionCommand) Run(t terminal) error {
	v := struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
		Go      string `json:"go"`
	}{"(devel)", "unknown", "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Go = info.GoVersion
		if info.Main.Version != "" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	if c.JSON {
		return json.NewEncoder(t.out).Encode(v)
	}
	_, err := fmt.Fprintf(t.out, "jangbu %s (commit %s, %s)\n", v.Version, v.Commit, v.Go)
	return err
}
