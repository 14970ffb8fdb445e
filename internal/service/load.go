package service

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/caarlos0/env/v11"
	"go.yaml.in/yaml/v3"
)

// Load returns the defaults, with the file at path over them (none if path is
// empty), the environment over that, and last what override does, which may be
// nil. Secrets are read from their files.
//
// The error is a [*ConfigError] that lists everything that is wrong; only if
// the file is not the YAML that is expected, it is all about that.
func Load(path string, environ map[string]string, override func(*Config)) (Config, error) {
	cfg, problems, err := read(path, environ)
	if err != nil {
		return Config{}, err
	}
	if override != nil {
		override(&cfg)
	}
	problems = append(problems, cfg.readSecrets()...)
	problems = append(problems, cfg.problems()...)
	if len(problems) > 0 {
		return Config{}, &ConfigError{Problems: problems}
	}
	return cfg, nil
}

// LoadNATS is [Load] for a command that needs NATS only: nothing else has to
// be there.
func LoadNATS(path string, environ map[string]string) (Config, error) {
	cfg, problems, err := read(path, environ)
	if err != nil {
		return Config{}, err
	}
	problems = append(problems, cfg.natsProblems()...)
	if len(problems) > 0 {
		return Config{}, &ConfigError{Problems: problems}
	}
	return cfg, nil
}

// read returns what file and environment say, and what is wrong with the form
// of the environment. The error is about the file.
func read(path string, environ map[string]string) (Config, []Problem, error) {
	cfg := Default()
	if path != "" {
		if problems := readFile(path, &cfg); len(problems) > 0 {
			return Config{}, nil, &ConfigError{Problems: problems}
		}
	}
	var problems []Problem
	err := env.ParseWithOptions(&cfg, env.Options{Environment: environ})
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		for _, e := range all.Errors {
			problems = append(problems, envProblem(e))
		}
	} else if err != nil {
		problems = append(problems, envProblem(err))
	}
	return cfg, problems, nil
}

func readFile(path string, cfg *Config) []Problem {
	text, err := os.ReadFile(path)
	if err != nil {
		return []Problem{{Key: "--config", Value: path, Reason: cause(err), Fix: "name a YAML file that can be read"}}
	}
	return decodeYAML(path, text, cfg)
}

// decodeYAML is strict: a key that nobody reads is a setting that somebody
// believes to be in force.
func decodeYAML(path string, text []byte, cfg *Config) []Problem {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	err := dec.Decode(cfg)
	if errors.Is(err, io.EOF) { // nothing but comments
		return nil
	}
	if err == nil {
		if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
			return []Problem{{Key: path, Reason: "has a second YAML document", Fix: "keep one"}}
		}
		return nil
	}
	lines := []string{err.Error()}
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		lines = wrong.Errors
	}
	problems := make([]Problem, len(lines))
	for i, line := range lines {
		problems[i] = yamlProblem(path, strings.TrimPrefix(line, "yaml: "))
	}
	return problems
}

var (
	yamlLine    = regexp.MustCompile(`^line (\d+): (.*)$`)
	yamlUnknown = regexp.MustCompile(`^field (\S+) not found in type`)
	yamlType    = regexp.MustCompile("^cannot unmarshal (\\S+)(?: `.*`)? into (\\S+)$")
)

// yamlProblem rewords an error of the YAML library, whose types mean nothing to
// an operator.
func yamlProblem(path, text string) Problem {
	p := Problem{Key: path, Reason: text, Fix: "correct the YAML"}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		p.Key, p.Reason = path+":"+m[1], m[2]
	}
	if p.Reason == secretInFile {
		p.Fix = "name a file that has it, by api_key_file or secret_file"
	} else if m := yamlUnknown.FindStringSubmatch(p.Reason); m != nil {
		p.Reason, p.Fix = fmt.Sprintf("unknown key %q", m[1]), "correct or remove it"
	} else if m := yamlType.FindStringSubmatch(p.Reason); m != nil {
		p.Reason = "has " + yamlName(m[1]) + " where " + yamlName(m[2]) + " is expected"
		p.Fix = "correct the value"
	}
	return p
}

// yamlName names a YAML tag or a Go type of [Config].
func yamlName(name string) string {
	switch strings.TrimPrefix(name, "!!") {
	case "str", "string", "service.Secret":
		return "a text"
	case "seq", "[]string", "[]service.Pool", "[]service.Client":
		return "a list"
	case "map", "service.Config", "service.NATS", "service.Pool", "service.Client":
		return "a group of keys"
	case "int", "float", "float64":
		return "a number"
	case "time.Duration":
		return "a duration such as 2s"
	case "bool":
		return "true or false"
	}
	return name
}

// envProblem rewords an error of the env library. It never repeats the value,
// which the library does not give either.
func envProblem(err error) Problem {
	if wrong, ok := errors.AsType[env.ParseError](err); ok {
		return Problem{
			Key:    "environment variable of " + wrong.Name,
			Reason: "is not " + yamlName(wrong.Type.String()),
			Fix:    "correct or unset it",
		}
	}
	return Problem{Key: "environment", Reason: err.Error(), Fix: "correct it"}
}

// readSecrets fills in the secrets that have files. A secret that is given
// twice is an error: one of the two is not in force, and nobody could say
// which was meant.
func (c *Config) readSecrets() []Problem {
	var problems []Problem
	read := func(secret *Secret, file *string, key, fileKey string) {
		if *file == "" {
			return
		}
		if *secret != "" {
			problems = append(problems, Problem{
				Key: key, Value: mask, Reason: "is set beside " + fileKey, Fix: "remove one of them",
			})
			return
		}
		text, err := os.ReadFile(*file)
		if err != nil {
			problems = append(problems, Problem{
				Key: fileKey, Value: *file, Reason: cause(err), Fix: "name a file that can be read, with the secret in it",
			})
			return
		}
		// Editors end a file with a line break, and no secret does.
		*secret = Secret(strings.TrimRight(string(text), "\r\n"))
		if *secret == "" {
			problems = append(problems, Problem{
				Key: fileKey, Value: *file, Reason: "is empty", Fix: "put the secret into it",
			})
		}
	}
	read(&c.APIKey, &c.APIKeyFile, "REVOKED_API_KEY", "api_key_file (REVOKED_API_KEY_FILE)")
	for i := range c.Pools {
		for j := range c.Pools[i].Clients {
			client := &c.Pools[i].Clients[j]
			key := fmt.Sprintf("pools[%d].clients[%d].secret", i, j)
			read(&client.Secret, &client.SecretFile, key, key+"_file")
		}
	}
	return problems
}

// cause is the innermost text of an error about a file, without its path.
func cause(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
