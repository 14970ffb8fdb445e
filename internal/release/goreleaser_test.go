package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// goreleaser is what make dist has of .goreleaser.yaml. That the file is one that
// goreleaser reads is for the module published.
type goreleaser struct {
	Before struct{ Hooks []string }
	Builds []struct {
		ID, Main, Binary    string
		Env, Flags, Ldflags []string
		Goos, Goarch        []string
		Goamd64, Goarm64    []string
		ModTimestamp        string `yaml:"mod_timestamp"`
	}
	Archives []struct {
		IDs             []string
		NameTemplate    string `yaml:"name_template"`
		WrapInDirectory bool   `yaml:"wrap_in_directory"`
		Formats         []string
		FormatOverrides []struct {
			Goos    string
			Formats []string
		} `yaml:"format_overrides"`
		Files []struct {
			Src, Dst string
		}
	}
	SBOMs []struct {
		Artifacts string
		Args      []string
		Documents []string
	}
	Checksum struct {
		NameTemplate string      `yaml:"name_template"`
		ExtraFiles   []extraFile `yaml:"extra_files"`
	}
	Release struct {
		ExtraFiles []extraFile `yaml:"extra_files"`
	}
	DockersV2 []struct {
		ExtraFiles []string          `yaml:"extra_files"`
		BuildArgs  map[string]string `yaml:"build_args"`
		Dockerfile string
	} `yaml:"dockers_v2"`
}

type extraFile struct{ Glob string }

func readGoreleaser(t *testing.T) goreleaser {
	t.Helper()
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var g goreleaser
	if err := yaml.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// in fills in what goreleaser does for a tag.
func in(template string) string {
	return strings.NewReplacer("{{ .Tag }}", "v1.2.3", "{{ .Version }}", "1.2.3", "{{ .FullCommit }}", "abc",
		"{{ .CommitDate }}", "2026-11-24T09:00:00Z", "{{ .Os }}", "linux", "{{ .Arch }}", "arm64", "{{ .Binary }}", "revoked").Replace(template)
}

// The file describes what make dist makes.
func TestGoreleaserMakesTheSame(t *testing.T) {
	g := readGoreleaser(t)
	src := sources{version: "v1.2.3", commit: "abc", date: testDate}
	var names []string
	for _, b := range g.Builds {
		names = append(names, b.Binary)
		if b.ID != b.Binary || b.Main != "./cmd/"+b.Binary {
			t.Errorf("build %s: main %s, binary %s", b.ID, b.Main, b.Binary)
		}
		var made []platform
		for _, o := range b.Goos {
			for _, a := range b.Goarch {
				made = append(made, platform{o, a})
			}
		}
		if !slices.Equal(made, platforms) {
			t.Errorf("build %s is for %v, want %v", b.ID, made, platforms)
		}
		if got, want := in(strings.Join(b.Ldflags, " ")), src.ldflags(); got != want {
			t.Errorf("build %s has the ldflags\n%s, want\n%s", b.ID, got, want)
		}
		if diff := cmp.Diff(b.Flags, buildFlags); diff != "" {
			t.Errorf("build %s: flags -goreleaser +dist:\n%s", b.ID, diff)
		}
		for _, setting := range append(b.Env, "GOAMD64="+strings.Join(b.Goamd64, ","), "GOARM64="+strings.Join(b.Goarm64, ",")) {
			if !slices.Contains(buildEnv, setting) {
				t.Errorf("build %s has %s, dist has %v", b.ID, setting, buildEnv)
			}
		}
		if b.ModTimestamp == "" {
			t.Errorf("build %s is of the time of the build", b.ID)
		}
	}
	if !slices.Equal(names, binaries) {
		t.Errorf("builds are %v, want %v", names, binaries)
	}
	a := g.Archives[0]
	if len(g.Archives) != 1 || !slices.Equal(a.IDs, binaries) || !a.WrapInDirectory || in(a.NameTemplate) != src.name("revoked", platform{"linux", "arm64"}) ||
		!slices.Equal(a.Formats, []string{"tar.gz"}) || len(a.FormatOverrides) != 1 || a.FormatOverrides[0].Goos != "windows" || !slices.Equal(a.FormatOverrides[0].Formats, []string{"zip"}) {
		t.Errorf("archives are not those of dist: %+v", g.Archives)
	}
	var files []string
	for _, f := range a.Files {
		files = append(files, f.Src)
	}
	if want := append(slices.Clone(beside), ".release/"+licenseFile, ".release/completions/*"); !slices.Equal(files, want) {
		t.Errorf("archives have the files %v, want %v", files, want)
	}
	if got, want := in(g.SBOMs[0].Documents[0]), src.name("revoked", platform{"linux", "arm64"})+".cdx.json"; len(g.SBOMs) != 1 || got != want {
		t.Errorf("the SBOM of a binary is %s, want %s", got, want)
	}
	want := billArgs(src, "$artifact", "$document")
	got := make([]string, len(g.SBOMs[0].Args))
	for i, arg := range g.SBOMs[0].Args {
		got[i] = in(arg)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("SBOMs are made with -goreleaser +dist:\n%s", diff)
	}
	if g.Checksum.NameTemplate != checksumFile {
		t.Errorf("checksums are in %s, want %s", g.Checksum.NameTemplate, checksumFile)
	}
}

// Images are built from nothing but the files that goreleaser hands over.
func TestImagesHaveTheirSources(t *testing.T) {
	list, err := output(t.Context(), nil, "go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", module+"/cmd/...")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := os.ReadFile("../../deploy/docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	images := readGoreleaser(t).DockersV2
	if len(images) != 3 {
		t.Fatalf("%d images, want 3", len(images))
	}
	for _, image := range images {
		dirs := 0
		for dir := range strings.Lines(list) {
			dir = strings.TrimSpace(dir)
			if dir == "" {
				continue
			}
			rel, err := filepath.Rel(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			dirs++
			if top, _, _ := strings.Cut(filepath.ToSlash(rel), "/"); !slices.Contains(image.ExtraFiles, top) {
				t.Errorf("the image of %s is built without %s", image.BuildArgs["BINARY"], rel)
			}
		}
		if dirs < 10 || !slices.Contains(image.ExtraFiles, "go.mod") || !slices.Contains(image.ExtraFiles, "go.sum") {
			t.Errorf("%d packages are looked at; extra files %v", dirs, image.ExtraFiles)
		}
		for arg := range image.BuildArgs {
			if !strings.Contains(string(recipe), "ARG "+arg) {
				t.Errorf("the Dockerfile has no argument %s", arg)
			}
		}
	}
}
