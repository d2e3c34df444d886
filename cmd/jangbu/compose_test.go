package main

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"

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

// TestComposeFileObserves holds that the profile observe has a Grafana that only its password opens,
// which finds the dashboard and the Prometheus that its panels name.
func TestComposeFileObserves(t *testing.T) {
	t.Parallel()
	if s, ok := composeFile(t).Services["grafana"]; ok {
		t.Errorf("grafana is in no profile: %v", s.Profiles)
	}
	project := composeFile(t, "observe")
	grafana := project.Services["grafana"]
	set := func(name string) string {
		if value := grafana.Environment[name]; value != nil {
			return *value
		}
		return ""
	}
	if set("GF_AUTH_ANONYMOUS_ENABLED") != "false" || set("GF_SECURITY_ADMIN_PASSWORD__FILE") != "/run/secrets/grafana_password" ||
		len(grafana.Secrets) != 1 || grafana.Secrets[0].Source != "grafana_password" || grafana.MemLimit == 0 {
		t.Errorf("grafana: %v, secrets %v, at most %d bytes", grafana.Environment, grafana.Secrets, grafana.MemLimit)
	}
	mounted := make(map[string]string)
	for _, v := range grafana.Volumes {
		mounted[v.Target] = v.Source
	}
	read := func(into any, of ...string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(of...))
		if err == nil {
			err = yaml.UnmarshalStrict(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// As Grafana documents the files of its provisioning.
	var sources struct {
		APIVersion  int `json:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool           `json:"isDefault"`
			JSONData                     map[string]any `json:"jsonData"`
		}
	}
	var dashboards struct {
		APIVersion int `json:"apiVersion"`
		Providers  []struct {
			Name, Type string
			Options    struct{ Path string }
		}
	}
	provisioning := mounted["/etc/grafana/provisioning"]
	read(&sources, provisioning, "datasources", "jangbu.yml")
	read(&dashboards, provisioning, "dashboards", "jangbu.yml")
	if len(sources.Datasources) != 1 || len(dashboards.Providers) != 1 || sources.APIVersion != 1 || dashboards.APIVersion != 1 {
		t.Fatalf("there are %+v and %+v", sources, dashboards)
	}
	source := sources.Datasources[0]
	at, err := url.Parse(source.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := project.Services[at.Hostname()]; !ok || source.Type != "prometheus" || source.Access != "proxy" {
		t.Errorf("the source is %+v", source)
	}
	dashboard := path.Join(dashboards.Providers[0].Options.Path, "jangbu.json")
	text, err := os.ReadFile(mounted[dashboard])
	if err != nil || set("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH") != dashboard {
		t.Fatalf("%s: %v; at home is %s", dashboard, err, set("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"))
	}
	named := regexp.MustCompile(`"datasource": \{\s*"type": "(\w+)",\s*"uid": "(\w+)"`).FindAllSubmatch(text, -1)
	if len(named) < 15 || len(named) != strings.Count(string(text), `"datasource"`) {
		t.Errorf("%d sources are named", len(named))
	}
	for _, m := range named {
		if string(m[1]) != source.Type || string(m[2]) != source.UID {
			t.Errorf("a panel reads from %s", m[0])
		}
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
