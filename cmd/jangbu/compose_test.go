package main

import (
	"os"
	"path/filepath"
	"slices"
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
	project := composeFile(t)
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
	if ingest := project.Services["ingest"]; ingest.GetScale() != 2 {
		t.Errorf("ingest has %d replicas, want 2", ingest.GetScale())
	}
	for _, name := range []string{"ingest", "jangbu"} {
		if check := project.Services[name].HealthCheck; check == nil || !slices.Equal(check.Test, []string{"CMD", "/jangbu", "health"}) {
			t.Errorf("the health check of %s is %+v", name, check)
		}
	}
}

// TestComposeFileIsComplete holds that docker-compose.yml mounts what is there, or what its
// service keys makes, that its secrets are files, and that all profiles have what they need.
func TestComposeFileIsComplete(t *testing.T) {
	t.Parallel()
	project := composeFile(t, "*")
	made := strings.Join(project.Services["keys"].Command, " ")
	for name, secret := range project.Secrets {
		if file := filepath.Base(secret.File); filepath.Base(filepath.Dir(secret.File)) != ".secrets" || !strings.Contains(made, file) {
			t.Errorf("secret %s is in %s, which keys does not make", name, secret.File)
		}
	}
	for name, s := range project.Services {
		for _, secret := range s.Secrets {
			if _, ok := project.Secrets[secret.Source]; !ok {
				t.Errorf("service %s has no secret %s", name, secret.Source)
			}
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil && filepath.Base(v.Source) != ".secrets" {
				t.Errorf("service %s mounts %s: %v", name, v.Source, err)
			}
		}
		for variable, value := range s.Environment {
			if strings.HasSuffix(variable, "PASSWORD") && value != nil {
				t.Errorf("service %s has a password in %s", name, variable)
			}
		}
	}
	if len(project.Services) < 7 || len(project.Secrets) < 6 {
		t.Errorf("%d services with %d secrets were looked at", len(project.Services), len(project.Secrets))
	}
}

// composeFile loads docker-compose.yml with profiles.
func composeFile(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	path := filepath.Join("..", "..", "docker-compose.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(path),
		ConfigFiles: []types.ConfigFile{{Filename: path, Content: text}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.SetProjectName("jangbu", true)
		o.Profiles = profiles
	})
	if err != nil {
		t.Fatalf("load %s: %v", path, err)
	}
	return project
}
