package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-4e8dee1b/revoked/internal/config"
)

type settings struct {
	Name  string        `yaml:"name" env:"NAME"`
	Wait  time.Duration `yaml:"wait" env:"WAIT"`
	Rules []rule        `yaml:"rules"`
}

type rule struct {
	Path   string   `yaml:"path"`
	Scopes []string `yaml:"scopes"`
}

func TestDecodeNamesLineAndFix(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "name: a\nnam: b\n", `f.yaml:2 unknown key "nam": correct or remove it`},
		{"unknown key deep inside", "rules:\n- path: /\n  scpoes: []\n", `f.yaml:3 unknown key "scpoes": correct or remove it`},
		{"text for a list", "rules:\n- path: /\n  scopes: read\n", `f.yaml:3 has a text where a list is expected: correct the value`},
		{"list for a text", "name: [a]\n", `f.yaml:1 has a list where a text is expected: correct the value`},
		{"text for a group", "rules: [/]\n", `f.yaml:1 has a text where a group of keys is expected: correct the value`},
		{"no duration", "wait: soon\n", `f.yaml:1 has a text where a duration such as 2s is expected: correct the value`},
		{"second document", "name: a\n---\nname: b\n", `f.yaml has a second YAML document: keep one`},
		{"key twice", "name: a\nname: b\n", `f.yaml:2 mapping key "name" already defined at line 1: correct the YAML`},
		{"no YAML", "rules: [\n", `f.yaml:`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := config.Wrong(config.Decode("f.yaml", []byte(tt.text), new(settings)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Decode(%q) = %v, want %q in it", tt.text, err, tt.want)
			}
		})
	}
	for _, text := range []string{"", "# nothing\n", "name: a\n"} {
		if err := config.Wrong(config.Decode("f.yaml", []byte(text), new(settings))); err != nil {
			t.Errorf("Decode(%q) = %v, want nil", text, err)
		}
	}
}

func TestReadEnv(t *testing.T) {
	cfg := settings{Name: "file", Wait: time.Second}
	if problems := config.ReadEnv(map[string]string{"NAME": "", "WAIT": "3s"}, &cfg); len(problems) > 0 {
		t.Fatal(problems)
	}
	if cfg.Name != "file" || cfg.Wait != 3*time.Second {
		t.Errorf("after the environment: %+v, want the file's name and 3s", cfg)
	}
	err := config.Wrong(config.ReadEnv(map[string]string{"WAIT": "hunter2"}, &cfg))
	if err == nil || !strings.Contains(err.Error(), "WAIT is not a duration") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("ReadEnv of a wrong value = %v, want its name and not its value", err)
	}
}

func TestLocate(t *testing.T) {
	text := "name: a\n\nrules:\n- path: /a\n  scopes: [x,\n    y]\n- &b\n  path: /b\n- *b\n"
	lines := config.NewLines("f.yaml", []byte(text))
	tests := []struct{ key, want string }{
		{"name", "f.yaml:1"},
		{"rules", "f.yaml:3"},
		{"rules[0].path", "f.yaml:4"},
		{"rules[0].scopes[1]", "f.yaml:6"},
		{"rules[0].methods", "f.yaml:4"}, // missing: where the rule is
		{"rules[1].path", "f.yaml:8"},
		{"rules[2].path", "f.yaml:8"}, // through the alias
		{"rules[7].path", "f.yaml:3"},
		{"name (NAME)", "f.yaml:1"},
		{"wait", ""},
	}
	for _, tt := range tests {
		got := lines.Locate([]config.Problem{{Key: tt.key}})
		if got[0].Where != tt.want {
			t.Errorf("Locate(%q) = %q, want %q", tt.key, got[0].Where, tt.want)
		}
	}
	if got := config.NewLines("f.yaml", []byte("[")).Locate([]config.Problem{{Key: "name"}}); got[0].Where != "" {
		t.Errorf("in a text that is no YAML the key is at %q, want nowhere", got[0].Where)
	}
}

func TestMaskURLs(t *testing.T) {
	for in, want := range map[string]string{
		"nats://a:4222,nats://b:4222":       "nats://a:4222,nats://b:4222",
		"nats://user:hunter2@a:4222, n://b": "nats://xxxxx@a:4222, n://b",
		"nats://token@a":                    "nats://xxxxx@a",
		"nats://us%er:hunter2@a":            config.Mask,
	} {
		if got := config.MaskURLs(in); got != want {
			t.Errorf("MaskURLs(%q) = %q, want %q", in, got, want)
		}
	}
}
