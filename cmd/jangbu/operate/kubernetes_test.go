package operate_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
)

// manifests are the objects of scripts/deploy/kubernetes, by name.
type manifests struct {
	deployments map[string]*appsv1.Deployment
	budgets     map[string]*policyv1.PodDisruptionBudget
	policies    map[string]*networkingv1.NetworkPolicy
	services    map[string]*corev1.Service
	configs     map[string]*corev1.ConfigMap
	secrets     map[string][]string // their keys, as the commands of scripts/deploy/README.md make them
}

// read decodes an object strictly: a member that its type does not have is an error.
func read[T any](t *testing.T, into map[string]*T, file string, document []byte, name string) {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		t.Errorf("%s: %s: %v", file, name, err)
		return
	}
	if into[name] != nil {
		t.Errorf("%s: %s is there twice", file, name)
	}
	into[name] = object
}

func readManifests(t *testing.T) manifests {
	t.Helper()
	m := manifests{
		map[string]*appsv1.Deployment{},
		map[string]*policyv1.PodDisruptionBudget{},
		map[string]*networkingv1.NetworkPolicy{},
		map[string]*corev1.Service{},
		map[string]*corev1.ConfigMap{},
		map[string][]string{},
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "scripts", "deploy", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	file := regexp.MustCompile(`--from-file=\.secrets/(\S+)`)
	for _, command := range regexp.MustCompile(`kubectl create secret generic (\S+)((?: (?:\\\s*)?--from-file=\S+)+)`).FindAllSubmatch(readme, -1) {
		for _, key := range file.FindAllSubmatch(command[2], -1) {
			m.secrets[string(command[1])] = append(m.secrets[string(command[1])], string(key[1]))
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "scripts", "deploy", "kubernetes", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			var of struct {
				APIVersion, Kind string
				Metadata         struct{ Name string }
			}
			if err := yaml.Unmarshal(document, &of); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			switch name := of.Metadata.Name; of.APIVersion + " " + of.Kind {
			case "apps/v1 Deployment":
				read(t, m.deployments, file, document, name)
			case "policy/v1 PodDisruptionBudget":
				read(t, m.budgets, file, document, name)
			case "networking.k8s.io/v1 NetworkPolicy":
				read(t, m.policies, file, document, name)
			case "v1 Service":
				read(t, m.services, file, document, name)
			case "v1 ConfigMap":
				read(t, m.configs, file, document, name)
			default:
				t.Errorf("%s: %s %s is of no kind that is expected", file, of.APIVersion, of.Kind)
			}
		}
	}
	return m
}

// TestKubernetes decodes scripts/deploy/kubernetes strictly into the published types, and holds
// that each role has what it needs: known variables, mounted secrets, probes at the port of health,
// a user that is not root, and a budget for its pods.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	m := readManifests(t)
	parser, err := cli.NewParser(&struct {
		Serve service.ServeCommand `cmd:"" help:"Serve."`
	}{})
	if err != nil {
		t.Fatal(err)
	}
	known := func(where, variable string) {
		if len(service.UnknownVariables(parser, []string{variable + "="})) > 0 {
			t.Errorf("%s sets %s, which nothing reads", where, variable)
		}
	}
	config := m.configs["jangbu"]
	for variable := range config.Data {
		known("the ConfigMap", variable)
	}
	if len(m.policies) < 3 {
		t.Errorf("there are %d network policies", len(m.policies))
	}
	roles := []string{"api", "ingest", "poll", "project"}
	if len(m.deployments) != len(roles) || len(m.budgets) != len(roles) {
		t.Errorf("there are %d deployments and %d budgets for %d roles", len(m.deployments), len(m.budgets), len(roles))
	}
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			d, budget := m.deployments["jangbu-"+role], m.budgets["jangbu-"+role]
			if d == nil || budget == nil {
				t.Fatal("there is no deployment, or no budget")
			}
			pod := d.Spec.Template.Spec
			if diff := cmp.Diff(d.Spec.Template.Labels, d.Spec.Selector.MatchLabels); diff != "" {
				t.Errorf("selector: %s", diff)
			}
			if diff := cmp.Diff(d.Spec.Template.Labels, budget.Spec.Selector.MatchLabels); diff != "" {
				t.Errorf("budget: %s", diff)
			}
			if *pod.TerminationGracePeriodSeconds < 15 || !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.FSGroup != *pod.SecurityContext.RunAsUser {
				t.Errorf("pod: %+v", pod.SecurityContext)
			}
			c := pod.Containers[0]
			for name, probe := range map[string]*corev1.Probe{"/readyz": c.ReadinessProbe, "/healthz": c.LivenessProbe} {
				if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != name || probe.HTTPGet.Port.String() != "admin" {
					t.Errorf("the probe of %s is %+v", name, probe)
				}
			}
			if c.StartupProbe == nil || !*c.SecurityContext.ReadOnlyRootFilesystem || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("container: %+v", c)
			}
			files := mounted(t, m, pod)
			set := maps.Clone(config.Data)
			for _, e := range c.Env {
				known(d.Name, e.Name)
				set[e.Name] = e.Value
			}
			if set["JANGBU_ROLE"] != role {
				t.Errorf("its role is %q", set["JANGBU_ROLE"])
			}
			for variable, value := range set {
				if filepath.Dir(filepath.Dir(value)) == "/run/secrets" && !slices.Contains(files, value) {
					t.Errorf("%s names %s, which is not mounted", variable, value)
				}
			}
			if master := slices.Contains(files, "/run/secrets/master/master.key"); master != (role == "ingest") {
				t.Errorf("it has the master key: %v", master)
			}
		})
	}
}

// mounted returns the files of the secrets that the pod's container mounts.
func mounted(t *testing.T, m manifests, pod corev1.PodSpec) (files []string) {
	t.Helper()
	for _, at := range pod.Containers[0].VolumeMounts {
		i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == at.Name })
		if i < 0 {
			t.Errorf("%s is mounted and no volume", at.Name)
			continue
		}
		if pod.Volumes[i].Secret == nil {
			continue
		}
		keys := m.secrets[pod.Volumes[i].Secret.SecretName]
		if len(keys) == 0 || *pod.Volumes[i].Secret.DefaultMode != 0o400 {
			t.Errorf("volume %s: %+v", at.Name, pod.Volumes[i].Secret)
			continue
		}
		for _, name := range keys {
			files = append(files, at.MountPath+"/"+name)
		}
	}
	return files
}
