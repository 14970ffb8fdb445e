package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadFile reads the YAML file at path over what cfg points to.
func ReadFile(path string, cfg any) []Problem {
	text, err := os.ReadFile(path)
	if err != nil {
		return []Problem{{Key: "--config", Value: path, Reason: Cause(err), Fix: "name a YAML file that can be read"}}
	}
	return Decode(path, text, cfg)
}

// Decode is [ReadFile] for a text that was read. It is strict: a key that
// nobody reads is a setting that somebody believes to be in force.
func Decode(path string, text []byte, cfg any) []Problem {
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
	yamlNetwork = regexp.MustCompile(`^netip\.ParsePrefix\((".*")\)`)
	yamlType    = regexp.MustCompile("^cannot unmarshal (\\S+)(?: `.*`)? into (\\S+)$")
)

// SecretInFile is what an UnmarshalYAML that refuses secrets says, in a
// [yaml.TypeError].
const SecretInFile = "has a secret in it"

// yamlProblem rewords an error of the YAML library, whose types mean nothing to
// an operator.
func yamlProblem(path, text string) Problem {
	p := Problem{Key: path, Reason: text, Fix: "correct the YAML"}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		p.Key, p.Reason = path+":"+m[1], m[2]
	}
	if p.Reason == SecretInFile {
		p.Fix = "name a file that has it, by api_key_file or secret_file"
	} else if m := yamlUnknown.FindStringSubmatch(p.Reason); m != nil {
		p.Reason, p.Fix = fmt.Sprintf("unknown key %q", m[1]), "correct or remove it"
	} else if m := yamlType.FindStringSubmatch(p.Reason); m != nil {
		p.Reason = "has " + kindName(m[1]) + " where " + kindName(m[2]) + " is expected"
		p.Fix = "correct the value"
	} else if m := yamlNetwork.FindStringSubmatch(p.Reason); m != nil {
		p.Reason, p.Fix = m[1]+" is where "+networks+" is expected", "correct the value"
	}
	return p
}

const networks = "a list of networks such as 10.1.0.0/16, or 10.1.2.3/32 for one address"

// kindName names a YAML tag or a Go type of a configuration.
func kindName(name string) string {
	name = strings.TrimPrefix(name, "!!")
	switch name {
	case "str", "string":
		return "a text"
	case "seq":
		return "a list"
	case "map":
		return "a group of keys"
	case "int", "uint32", "float", "float64":
		return "a number"
	case "time.Duration":
		return "a duration such as 2s"
	case "bool":
		return "true or false"
	case "[]netip.Prefix":
		return networks
	case "map[string]int":
		return "a list such as orders=12,payments=6"
	}
	switch {
	case strings.HasPrefix(name, "[]"):
		return "a list"
	case strings.HasSuffix(name, ".Secret"), strings.HasSuffix(name, ".KeyHash"):
		return "a text"
	case strings.Contains(name, "."):
		return "a group of keys" // a struct
	}
	return name
}

// Lines finds keys in a YAML text.
type Lines struct {
	path string
	root *yaml.Node // nil: nothing is found
}

// NewLines reads a text for [Lines.Locate]. A text that is no YAML has no
// keys.
func NewLines(path string, text []byte) Lines {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
		return Lines{path: path}
	}
	return Lines{path: path, root: doc.Content[0]}
}

var keyStep = regexp.MustCompile(`[^.\[\] ]+|\[\d+\]`)

// Locate sets Where of every problem whose key, in the form
// rules[2].scopes[0], is in the text, or else to where the part of it that is
// there begins. What follows a space in a key is for people.
func (l Lines) Locate(problems []Problem) []Problem {
	for i := range problems {
		key, _, _ := strings.Cut(problems[i].Key, " ")
		if line := l.line(key); line > 0 {
			problems[i].Where = l.path + ":" + strconv.Itoa(line)
		}
	}
	return problems
}

func (l Lines) line(key string) int {
	line, node := 0, l.root
	for _, step := range keyStep.FindAllString(key, -1) {
		at, next := child(node, step)
		if next == nil {
			break
		}
		line, node = at, next
	}
	return line
}

// child returns the value of a key, or the element [n] of a list, and its line.
func child(node *yaml.Node, step string) (int, *yaml.Node) {
	switch {
	case node == nil:
	case node.Kind == yaml.AliasNode:
		return child(node.Alias, step)
	case node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i].Line, node.Content[i+1]
			}
		}
	case node.Kind == yaml.SequenceNode:
		n, err := strconv.Atoi(strings.Trim(step, "[]"))
		if err == nil && n < len(node.Content) {
			return node.Content[n].Line, node.Content[n]
		}
	}
	return 0, nil
}
