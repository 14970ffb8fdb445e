package config

import (
	"errors"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Environ returns the environment of the process.
func Environ() map[string]string {
	vars := make(map[string]string)
	for _, entry := range os.Environ() {
		key, value, _ := strings.Cut(entry, "=")
		vars[key] = value
	}
	return vars
}

// ReadEnv reads the variables that the env tags of cfg name over what cfg
// points to. A variable that is unset or empty changes nothing.
func ReadEnv(environ map[string]string, cfg any) []Problem {
	err := env.ParseWithOptions(cfg, env.Options{Environment: environ})
	if err == nil {
		return nil
	}
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []Problem{envProblem(err)}
	}
	problems := make([]Problem, len(all.Errors))
	for i, e := range all.Errors {
		problems[i] = envProblem(e)
	}
	return problems
}

// envProblem rewords an error of the env library. It never repeats the value,
// which the library does not give either.
func envProblem(err error) Problem {
	if wrong, ok := errors.AsType[env.ParseError](err); ok {
		return Problem{
			Key:    "environment variable of " + wrong.Name,
			Reason: "is not " + kindName(wrong.Type.String()),
			Fix:    "correct or unset it",
		}
	}
	return Problem{Key: "environment", Reason: err.Error(), Fix: "correct it"}
}
