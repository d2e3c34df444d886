package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
)

// TestComposeFile loads docker-compose.yml as Compose would and checks that
// the configuration knows every variable that it sets.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docker-compose.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path, Content: text}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("jangbu", true) })
	if err != nil {
		t.Fatalf("load %s: %v", path, err)
	}
	parser, err := cli.NewParser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	set := 0
	for name, s := range project.Services {
		if s.HealthCheck == nil && s.Restart != "no" {
			t.Errorf("service %s has no health check", name)
		}
		if s.Build == nil && !strings.Contains(s.Image, "@sha256:") {
			t.Errorf("service %s: image %s has no digest", name, s.Image)
		}
		for variable, value := range s.Environment {
			if !strings.HasPrefix(variable, "JANGBU_") {
				continue
			}
			set++
			if value == nil {
				t.Errorf("service %s: %s is taken from the environment of docker compose", name, variable)
			}
			if unknown := service.UnknownVariables(parser, []string{variable + "="}); len(unknown) > 0 {
				t.Errorf("service %s sets %s, which nothing reads", name, variable)
			}
		}
	}
	if set < 4 {
		t.Errorf("only %d variables are set", set)
	}
}
