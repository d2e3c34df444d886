package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"jangbu/cmd/jangbu/cli"
)

// stampedVersion and stampedCommit are what the linker stamps. A build without version
// control, such as that of the image, needs them:
// -ldflags "-X main.stampedVersion=… -X main.stampedCommit=…".
//
//nolint:gochecknoglobals // the linker sets variables of packages and nothing else
var stampedVersion, stampedCommit string

type versionCommand struct {
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (versionCommand) Help() string {
	return "Examples:\n  jangbu version\n  jangbu version --json"
}

// build is what was built, of which commit and by which Go.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

// thisBuild returns what this program is.
func thisBuild() build {
	v := build{stampedVersion, stampedCommit, "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version, v.Go = cmp.Or(v.Version, info.Main.Version), info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = cmp.Or(v.Commit, s.Value)
			}
		}
	}
	v.Version, v.Commit = cmp.Or(v.Version, "(devel)"), cmp.Or(v.Commit, "unknown")
	return v
}

// Run prints it.
func (c versionCommand) Run(t cli.Terminal) error {
	v := thisBuild()
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(v)
	}
	_, err := fmt.Fprintf(t.Out, "jangbu %s (commit %s, %s)\n", v.Version, v.Commit, v.Go)
	return err
}
